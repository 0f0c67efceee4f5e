//! Names of images, as an engine is asked for them.

/// The name with a tag: without one the engine would pull every tag there is.
pub fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

#[cfg(test)]
mod tests {
    use super::with_tag;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(with_tag("debian"), "debian:latest");
        assert_eq!(with_tag("registry:5000/debian"), "registry:5000/debian:latest");
        assert_eq!(with_tag("debian:13"), "debian:13");
        assert_eq!(with_tag("debian@sha256:0"), "debian@sha256:0");
    }
}
