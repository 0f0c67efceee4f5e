//! Layers as buildah writes them, and damaged ones.

use proptest::prelude::*;

use super::*;

const EPOCH: u64 = 1_700_000_000;

fn cleaner<'a>(traces: &'a [Pattern], host: Option<&'a str>) -> Cleaner<'a> {
    Cleaner { traces, epoch: EPOCH, host, wanted: &["usr/bin/tini"] }
}

fn entry(tar: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, mtime: u64, data: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_mode(mode);
    header.set_mtime(mtime);
    header.set_size(data.len() as u64);
    tar.append_data(&mut header, path, data).unwrap();
}

fn names(layer: &[u8]) -> Vec<(String, u64)> {
    let mut archive = Archive::new(layer);
    let entries = archive.entries().unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.path().unwrap().display().to_string(), e.header().mtime().unwrap())).collect()
}

#[test]
fn traces_go_and_dates_are_the_archives() {
    let long = format!("usr/share/{}/x", "long".repeat(60));
    let long_trace = format!("var/log/apt/{}", "x".repeat(200));
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "usr/bin/tini", 0o755, EPOCH - 5, b"\x7fELF");
    entry(&mut tar, "usr/bin/sudo", 0o4755, EPOCH + 5, b"sudo");
    entry(&mut tar, &long_trace, 0o644, EPOCH, b"log");
    entry(&mut tar, &long, 0o644, EPOCH + 9, &[7; 5000]);
    let layer = tar.into_inner().unwrap();
    let traces = [Pattern::new("var/log/apt/*").unwrap()];
    let mut cleaned = Vec::new();
    let contents = cleaner(&traces, None).clean(layer.as_slice(), &mut cleaned).unwrap();
    assert_eq!(
        names(&cleaned),
        [("usr/bin/tini".to_owned(), EPOCH - 5), ("usr/bin/sudo".to_owned(), EPOCH), (long, EPOCH)]
    );
    assert_eq!(contents.setuid, ["usr/bin/sudo"]);
    assert_eq!(contents.found, ["usr/bin/tini"]);
    assert_eq!(contents.disk, 4096 + 4096 + 8192);
    assert_eq!(cleaned.len() % 512, 0);
}

#[test]
fn the_mirror_is_found_wherever_it_stands() {
    let border = [vec![b'.'; PIECE - 4], b"m.example".to_vec(), vec![b'.'; 100]].concat();
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "etc/a", 0o644, 0, b"URIs: http://m.example/debian");
    entry(&mut tar, "etc/b", 0o644, 0, &border);
    entry(&mut tar, "etc/c", 0o644, 0, b"m.exam and mm.exampl");
    let layer = tar.into_inner().unwrap();
    let mut cleaned = Vec::new();
    let contents = cleaner(&[], Some("m.example")).clean(layer.as_slice(), &mut cleaned).unwrap();
    assert_eq!(contents.naming_mirror, ["etc/a", "etc/b"]);
    let mut archive = Archive::new(cleaned.as_slice());
    let mut copy = Vec::new();
    archive.entries().unwrap().nth(1).unwrap().unwrap().read_to_end(&mut copy).unwrap();
    assert!(copy == border, "the file changed on its way");
}

#[test]
fn a_layer_that_is_cut_short() {
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "etc/a", 0o644, 0, &[1; 4000]);
    let layer = tar.into_inner().unwrap();
    for length in [100, 700, 3000] {
        let error = cleaner(&[], None).clean(&layer[..length], &mut Vec::new()).unwrap_err();
        assert!(format!("{error:#}").contains("damaged"), "{length}: {error:#}");
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let _ = cleaner(&[], Some("host")).clean(bytes.as_slice(), &mut Vec::new());
    }
}
