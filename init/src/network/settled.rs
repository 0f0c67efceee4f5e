//! When the network is as the config wants it. Decides only.

/// An interface that the config has something to say about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) name: String,
    pub(super) carrier: bool,
    /// The boot waits for it.
    pub(super) needed: bool,
    /// It is to have an address by DHCP, which the boot waits for.
    pub(super) asks: bool,
    /// It has one.
    pub(super) leased: bool,
}

/// What is still to come.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Awaited<'a> {
    /// Interfaces without a cable.
    pub(super) carriers: Vec<&'a str>,
    /// Interfaces without an answer.
    pub(super) leases: Vec<&'a str>,
}

/// What is still to come; where the config names no interface, `any` one with a lease will do.
pub(super) fn awaited(views: &[View], any: bool) -> Awaited<'_> {
    let needed = || views.iter().filter(|view| view.needed);
    let names = |wanted: &dyn Fn(&View) -> bool| {
        needed().filter(|view| wanted(view)).map(|v| v.name.as_str()).collect()
    };
    let mut awaited = Awaited {
        carriers: names(&|view| !view.carrier),
        leases: names(&|view| view.carrier && view.asks && !view.leased),
    };
    if any && needed().any(|view| view.carrier) {
        awaited.carriers.clear();
    }
    if any && needed().any(|view| view.leased) {
        awaited.leases.clear();
    }
    awaited
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `c` carrier, `n` needed, `a` asks, `l` leased.
    fn views(flags: &[&str]) -> Vec<View> {
        let view = |(i, flags): (usize, &&str)| View {
            name: format!("eth{i}"),
            carrier: flags.contains('c'),
            needed: flags.contains('n'),
            asks: flags.contains('a'),
            leased: flags.contains('l'),
        };
        flags.iter().enumerate().map(view).collect()
    }

    #[test]
    fn who_is_waited_for() {
        type Names = &'static [&'static str];
        let cases: [(Names, bool, Names, Names); 8] = [
            (&[], false, &[], &[]),
            (&["na"], false, &["eth0"], &[]),
            (&["nac"], false, &[], &["eth0"]),
            (&["nacl", "nac", "n"], false, &["eth2"], &["eth1"]),
            (&["nc", "a", "ac"], false, &[], &[]),
            (&["nac", "na"], true, &[], &["eth0"]),
            (&["nacl", "nac"], true, &[], &[]),
            (&["na", "na"], true, &["eth0", "eth1"], &[]),
        ];
        for (flags, any, carriers, leases) in cases {
            let views = views(flags);
            let expected = Awaited { carriers: carriers.to_vec(), leases: leases.to_vec() };
            assert_eq!(awaited(&views, any), expected, "{flags:?} {any}");
        }
    }
}
