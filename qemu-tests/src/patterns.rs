//! What must never be seen on the console of a healthy machine.

/// Texts that fail a test wherever they appear, unless the test allows them.
const FAILURES: &[&str] = &[
    "Kernel panic",
    "Oops:",
    "BUG:",
    "WARNING: CPU",
    "UBSAN:",
    "Call Trace",
    "general protection fault",
    "detected stall",
    "self-detected stall",
    "blocked for more than",
    "panicked at",
    "segfault at",
    "Out of memory",
    "cgroup out of memory",
    "oom-kill:",
    "EXT4-fs error",
    "Metadata corruption",
    "Metadata CRC error",
    "XFS: Assertion failed",
    "Corruption of in-memory data",
    "Corruption detected",
    "Shutting down filesystem",
    "I/O error",
    "SQUASHFS error",
    "Attempted to kill init",
];

/// After one of these nothing more will come: no use in waiting for it.
const FATAL: &[&str] = &["Kernel panic", "panicked at", "Attempted to kill init"];

/// The pattern that `line` shows, unless the line contains one of the `allowed` texts.
pub(crate) fn failure(line: &str, allowed: &[String]) -> Option<&'static str> {
    let allowed = allowed.iter().any(|text| line.contains(text.as_str()));
    FAILURES.iter().copied().find(|pattern| !allowed && line.contains(pattern))
}

/// Whether the machine is lost once this line was printed.
pub(crate) fn is_fatal(line: &str) -> bool {
    FATAL.iter().any(|pattern| line.contains(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_found_in_real_lines() {
        for line in [
            "[   12.1] Kernel panic - not syncing: Attempted to kill init!",
            "[    3.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "INFO: task kworker:12 blocked for more than 120 seconds.",
            "XFS (vda1): Metadata corruption detected at xfs_agf_read_verify",
            "Out of memory: Killed process 77 (dockerd)",
            "thread 'main' panicked at init/src/main.rs:3:5",
        ] {
            assert!(failure(line, &[]).is_some(), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_and_allowed_ones_pass() {
        assert_eq!(failure("printk: legacy console [ttyS0] enabled", &[]), None);
        assert_eq!(failure("Out of memory: Killed process 12 (hog)", &["(hog)".to_owned()]), None);
    }
}
