//! What runs in a desktop for the files of its home: shell, with the words it works on as arguments that no shell reads.
//!
//! All it needs are coreutils and find. Whatever a tenant has made of those, it runs as the tenant, in the tenant's desktop.

/// Exit codes that mean something.
pub(super) const NO_SUCH: i64 = 20;
pub(super) const A_FOLDER: i64 = 21;
pub(super) const CUT_OFF: i64 = 24;
pub(super) const NO_ROOM: i64 = 25;

/// What a script says when it takes a file.
pub(super) const GO: &[u8] = b"go\n";

/// How files that are on their way are called: they are in no listing.
pub(super) const PARTIAL: &str = ".dockos-upload-";

/// `FOLDER COUNT`: kind, size, time and name of so many of its entries, each ended by NUL. Links count as what they lead to.
pub(super) const LIST: &str = r#"
[ -d "$1" ] || exit 20
cd -- "$1" || exit 22
find -L . -mindepth 1 -maxdepth 1 -printf '%y %s %T@ %f\0' 2>/dev/null | head -z -n "$2"
"#;

/// `FILE`: its size on a line, then as many of its bytes.
pub(super) const READ: &str = r#"
[ -d "$1" ] && exit 21
[ -f "$1" ] || exit 20
exec <"$1" || exit 22
size=$(stat -c %s -) || exit 22
echo "$size"
exec head -c "$size"
"#;

/// `FOLDER NAME SIZE VERB`: says how many bytes are free where the file goes, if those are fewer; with the verb `take`, says
/// `go`, then takes as many bytes. The file is there whole or not at all, also after a power cut, and its end is that it will be.
pub(super) const WRITE: &str = r#"
cd -- "$1" || exit 20
[ -d "./$2" ] && exit 21
free=$(stat -f -c '%a * %S' .) && free=$(($free)) && [ "$3" -gt "$free" ] && echo "$free" && exit 25
[ "$4" = take ] || exit 0
partial=$(mktemp ./.dockos-upload-XXXXXXXX) || exit 23
trap 'rm -f -- "$partial"' EXIT
trap 'exit 24' HUP INT TERM PIPE
echo go
head -c "$3" >"$partial" || exit 23
[ "$(stat -c %s -- "$partial")" = "$3" ] || exit 24
chmod 644 -- "$partial" || exit 23
sync -- "$partial" || exit 23
mv -fT -- "$partial" "./$2" || exit 23
sync . || exit 23
"#;

/// The words that run a script.
pub(super) fn argv(script: &str, words: &[&str]) -> Vec<String> {
    ["/bin/sh", "-c", script, "dockos"].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;
    use std::process::{Command, Output, Stdio};

    use super::*;

    /// Lets this machine's own shell write a file.
    fn write(folder: &Path, name: &str, size: u64, verb: &str, bytes: &[u8]) -> Output {
        let words = argv(WRITE, &[&folder.to_string_lossy(), name, &size.to_string(), verb]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        child.wait_with_output().unwrap()
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let code = |name: &str, size, bytes: &[u8]| {
            let done = write(dir.path(), name, size, "take", bytes);
            (i64::from(done.status.code().unwrap()), done.stdout)
        };
        assert_eq!(code("a $1';", 3, b"abc"), (0, GO.to_vec()));
        assert_eq!(fs::read(dir.path().join("a $1';")).unwrap(), b"abc");
        assert_eq!(code("b", 4, b"abc"), (CUT_OFF, GO.to_vec()));
        fs::create_dir(dir.path().join("d")).unwrap();
        assert_eq!(code("d", 3, b"abc"), (A_FOLDER, vec![]));
        let none = write(&dir.path().join("none"), "a", 1, "take", b"a");
        assert_eq!(none.status.code().map(i64::from), Some(NO_SUCH));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing partial is left");
    }

    #[test]
    fn what_does_not_fit_is_known_before_a_byte_of_it_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "old").unwrap();
        for verb in ["take", "ask"] {
            let done = write(dir.path(), "a", 1 << 60, verb, b"");
            assert_eq!(done.status.code().map(i64::from), Some(NO_ROOM), "{verb}");
            let free: u64 = String::from_utf8(done.stdout).unwrap().trim().parse().unwrap();
            assert!(free > 0 && free < 1 << 60, "{free}");
        }
        let fits = write(dir.path(), "a", 1, "ask", b"");
        assert_eq!((fits.status.code(), fits.stdout), (Some(0), vec![]));
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"old");
    }
}
