//! What each target does with its bytes, and what must hold whatever they are.
//!
//! A panic is what the fuzzer looks for; so is an answer that is too long for a person or a banner.

use dockos_config::{
    Cmdline, ConfigUrl, Content, Datasource, EditError, Form, KeyPath, Layer, Loaded, MAX_USER_DATA, Report,
    ShowOptions, Source, Stage, append, diff, load, parse_bytes, parse_service, parse_user_data, set, unpack,
    unset,
};

/// Reads a cloud-config and a service.yml.
pub fn yaml(bytes: &[u8]) {
    answer(parse_bytes("file", bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        answer(parse_service("file", text));
    }
}

/// Reads a kernel command line, alone and as a layer over a file.
pub fn cmdline(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let cmdline = Cmdline::parse(&text);
    if let Some(report) = &cmdline.report {
        check(report);
    }
    let _ = Datasource::from_serial(&text);
    let _ = text.parse::<ConfigUrl>();
    let file = source(Layer::Datasource, Form::CloudConfig, "hostname: a\ndockos: {state: {ram: true}}\n");
    let line = source(Layer::CommandLine, Form::CommandLine, &text);
    let loaded = load(vec![file, line]);
    if cmdline.report.is_some_and(|report| report.has_errors()) {
        assert!(loaded.is_err(), "a word that is wrong is not passed over");
    }
    answer(loaded);
}

/// Takes user-data apart, and reads meta-data.
pub fn user_data(bytes: &[u8]) {
    match unpack("user-data", bytes) {
        Ok(data) => {
            let size = |content: &Content| match content {
                Content::CloudConfig(text) => text.len(),
                Content::Script(bytes) => bytes.len(),
            };
            assert!(data.parts.iter().map(|part| size(&part.content)).sum::<usize>() <= 2 * MAX_USER_DATA);
            answer(parse_user_data("user-data", bytes));
        }
        Err(report) => {
            check(&report);
            assert!(parse_user_data("user-data", bytes).is_err());
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        for form in [Form::MetaData, Form::ConfigDrive, Form::NetworkConfig] {
            answer(load(vec![source(Layer::Datasource, form, text)]));
        }
    }
}

/// Reads a path, writes it, and reads it again.
pub fn key_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(path) = text.parse::<KeyPath>() else { return };
    assert_eq!(path.to_string().parse(), Ok(path));
    let file =
        source(Layer::Datasource, Form::CloudConfig, "dockos: {desktops: [{name: a, tenant: b, image: c}]}");
    if let (Ok(loaded), Ok(path)) = (load(vec![file]), text.parse()) {
        let _ = loaded.get(&path, false);
    }
}

/// Merges files that are parted by NUL bytes, each a layer over those before it, and changes the text of the first at a
/// path, which is the last of them.
pub fn merge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut texts: Vec<&str> = text.split('\0').collect();
    let path = texts.pop().unwrap_or_default();
    let layers = [Layer::Oem, Layer::ConfD, Layer::StateFile, Layer::Datasource];
    let sources: Vec<Source> =
        layers.iter().zip(&texts).map(|(layer, text)| source(*layer, Form::CloudConfig, text)).collect();
    match load(sources.clone()) {
        Ok(loaded) => merged(&loaded, &sources),
        Err(report) => check(&report),
    }
    if let (Some(text), Ok(path)) = (texts.first(), path.parse::<KeyPath>()) {
        changed(text, &path);
    }
}

fn merged(loaded: &Loaded, sources: &[Source]) {
    let twice = load(sources.iter().flat_map(|source| [source.clone(), source.clone()]).collect());
    assert!(twice.is_ok_and(|twice| twice.config == loaded.config), "a file twice is the file");
    for origin in [false, true] {
        let shown = loaded.show(&ShowOptions { origin, secrets: true });
        let again = load(vec![source(Layer::Datasource, Form::CloudConfig, &shown)]);
        assert!(
            again.is_ok_and(|again| again.config == loaded.config && diff(loaded, &again).is_empty()),
            "what is shown is what was merged"
        );
    }
}

fn changed(text: &str, path: &KeyPath) {
    let edits = [
        set("file", text, path, "x: y"),
        set("file", text, path, "{a: [b, \"c\\n\"]}"),
        append("file", text, path, "x"),
        unset("file", text, path),
    ];
    for edited in edits.into_iter().flatten() {
        let readable = !matches!(set("file", &edited, path, "x"), Err(EditError::File(_)));
        assert!(readable, "an edit never damages a file");
    }
}

fn source(layer: Layer, form: Form, text: &str) -> Source {
    Source { layer, stage: Stage::Local, form, name: form.as_str().to_owned(), text: text.to_owned() }
}

fn answer<T>(result: Result<T, Report>) {
    if let Err(report) = result {
        assert!(report.has_errors(), "what is refused has a reason");
        check(&report);
    }
}

/// What every report promises.
fn check(report: &Report) {
    assert!(!report.diagnostics.is_empty());
    assert!(report.to_string().len() < 100_000, "a report is for people");
    for diagnostic in &report.diagnostics {
        assert!(diagnostic.line > 0 && diagnostic.column > 0, "{diagnostic:?}");
        assert!(!diagnostic.short().contains(char::is_control), "{diagnostic:?}");
    }
}
