//! What the config says of the machine itself, before anything that reads it is started.

use std::rc::Rc;

use crate::machine::Machine;
use crate::phases::{Ended, Step, count};
use crate::{certificates, environment, identity, sysctls, users};

/// The phase. What cannot be set is a problem that is named; the rest is set.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    identity::apply(machine);
    environment::apply(machine);
    certificates::apply(machine);
    users::apply(machine);
    sysctls::apply(machine);
    let number = users::of(&machine.config()).count();
    Ok(Step::Done(if number == 0 { String::new() } else { count(number, "user") }))
}
