//! How programs beside PID 1 say something.

/// Makes the crate's macro `say!`, which says something on standard error, which may be closed, in a program's name.
#[macro_export]
macro_rules! say_as {
    ($who:literal) => {
        $crate::say_as!(@ ($) $who);
    };
    (@ ($sign:tt) $who:literal) => {
        macro_rules! say {
            ($sign($sign part:tt)*) => {{
                use std::io::Write;
                let _ = writeln!(std::io::stderr(), "{}: {}", $who, format_args!($sign($sign part)*));
            }};
        }

        pub(crate) use say;
    };
}
