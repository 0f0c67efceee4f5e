//! Dockerfiles and folders that are no courses.

use super::*;

const LABELLED: &str = "LABEL dockos.title=\"甲\" \\\n  dockos.title.en=\"A\"\n";

#[test]
fn parents() {
    for (dockerfile, name) in [
        ("FROM dockos/base\n", "base"),
        ("# FROM no\nARG X=1\nfrom docker.io/dockos/java-web:latest\nRUN x \\\nFROM y\n", "java-web"),
        ("FROM --platform=linux/amd64 dockos/c AS build\nFROM build\n", "c"),
        ("FROM dockos/debian\n", "debian"),
    ] {
        assert_eq!(parent(dockerfile).unwrap(), name, "{dockerfile}");
    }
}

#[test]
fn parents_that_cannot_be_had() {
    for (dockerfile, part) in [
        ("RUN true\n", "it has no FROM"),
        ("FROM\n", "names no image"),
        ("FROM debian:13\n", "FROM debian:13, which this builder cannot get"),
        ("FROM dockos/base:v2\n", "which this builder cannot get"),
        ("FROM dockos/../etc\n", "which this builder cannot get"),
        ("FROM dockos/c AS x\nFROM dockos/base\n", "take one"),
    ] {
        let message = parent(dockerfile).unwrap_err().to_string();
        assert!(message.contains(part), "{dockerfile}: {message}");
    }
}

#[test]
fn names_of_images() {
    for name in ["c", "java-web", "x2"] {
        check_name(name).unwrap();
    }
    for name in ["", "C", "my course", "-x", "a--b", "程序", "debian", "a_b", &"x".repeat(64)] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn labels() {
    check_labels(&format!("FROM x\n{LABELLED}")).unwrap();
    let message = check_labels("FROM x\nLABEL dockos.title.en=A\n# LABEL dockos.title=x\n").unwrap_err();
    assert!(message.to_string().contains("no label dockos.title,"), "{message}");
    let message = check_labels("FROM x\nLABEL dockos.title=A\n").unwrap_err();
    assert!(message.to_string().contains("no label dockos.title.en,"), "{message}");
}

/// A folder of courses, by name and Dockerfile.
fn folder(test: &str, courses: &[(&str, &str)]) -> PathBuf {
    let own = std::env::temp_dir().join(format!("dockos-course-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&own);
    for (name, from) in courses {
        fs::create_dir_all(own.join(name)).unwrap();
        fs::write(own.join(name).join("Dockerfile"), format!("{from}\n{LABELLED}")).unwrap();
    }
    fs::create_dir_all(own.join("empty")).unwrap();
    own
}

#[test]
fn each_comes_after_what_it_is_built_on() {
    let own = folder(
        "order",
        &[("base", "FROM dockos/debian"), ("c", "FROM dockos/base"), ("cpp", "FROM dockos/c")],
    );
    let names = |wanted: &[&str]| -> Vec<String> {
        let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        load_from(&own, &wanted).unwrap().into_iter().map(|course| course.name).collect()
    };
    assert_eq!(names(&["cpp"]), ["base", "c", "cpp"]);
    assert_eq!(names(&["c", "base"]), ["base", "c"]);
    assert_eq!(names(&[own.join("c").to_str().unwrap()]), ["base", "c"]);
    assert_eq!(names(&[]), ["base", "c", "cpp"]);
    fs::remove_dir_all(&own).unwrap();
}

#[test]
fn folders_that_are_no_courses() {
    let own = folder(
        "bad",
        &[
            ("base", "FROM dockos/debian"),
            ("Big", "FROM dockos/base"),
            ("lost", "FROM dockos/gone"),
            ("loop", "FROM dockos/pool"),
            ("pool", "FROM dockos/loop"),
            ("other/base", "FROM dockos/debian"),
        ],
    );
    let path = |name: &str| own.join(name).display().to_string();
    for (wanted, part) in [
        (vec!["empty".to_owned()], "has no Dockerfile"),
        (vec!["nothing".to_owned()], "the courses here are: Big, base"),
        (vec!["Big".to_owned()], "small letters"),
        (vec!["lost".to_owned()], "FROM dockos/gone, which is not in desktops/"),
        (vec!["loop".to_owned()], "is built on itself"),
        (vec!["base".to_owned(), path("other/base")], "two courses are called base"),
    ] {
        let message = format!("{:#}", load_from(&own, &wanted).unwrap_err());
        assert!(message.contains(part), "{wanted:?}: {message}");
    }
    fs::remove_dir_all(&own).unwrap();
}
