//! `examples/`: whole files to begin with.

use std::fs;

use dockos_config::parse_user_data;

use crate::common::yaml_files;

/// How each begins, so that a machine takes it and an editor checks it.
const BEGINNING: &str = "#cloud-config\n# yaml-language-server: $schema=../docs/cloud-config.schema.json\n# ";

#[test]
fn examples_are_good() {
    for path in yaml_files("examples") {
        let text = fs::read_to_string(&path).unwrap();
        if let Err(report) = parse_user_data(&path.display().to_string(), text.as_bytes()) {
            panic!("{report}");
        }
        assert!(text.starts_with(BEGINNING), "{}: it begins with\n{BEGINNING}", path.display());
        let long = text.lines().find(|line| line.len() > 120 && !line.contains("passwd: "));
        assert_eq!(long, None, "{}: a line to be read without scrolling", path.display());
    }
}
