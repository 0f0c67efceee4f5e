//! The browser against a small page.

use std::{fs, time::Duration};

use serde_json::json;

use super::{Browser, Page};
use crate::Server;

const PAGE: &[u8] = include_bytes!("test-page.html");
const SOON: Duration = Duration::from_secs(30);

fn with_page(test: impl FnOnce(&Server, &Page)) {
    let server = Server::start(&[("/", PAGE)]).unwrap();
    let browser = Browser::start().unwrap();
    let page = browser.page().unwrap();
    page.open(&server.local_url("/")).unwrap();
    test(&server, &page);
}

#[test]
fn a_form_is_filled_in_and_sent() {
    with_page(|_, page| {
        page.fill("#user", "alice 爱丽丝").unwrap();
        page.click("#send").unwrap();
        page.wait("document.title === 'sent alice 爱丽丝'", SOON).unwrap();
        page.wait_text("late", SOON).unwrap();
        assert!(page.shows("#send").unwrap() && !page.shows("#nothing").unwrap());
        page.click("#ask").unwrap();
        page.wait("document.title === 'yes'", SOON).unwrap();
        assert_eq!(page.dialogs(), ["Really?"]);
    });
}

#[test]
fn a_canvas_gets_keys_and_clicks_at_places() {
    with_page(|_, page| {
        page.click_in("#screen", (640.0, 400.0), (100.0, 50.0), 2).unwrap();
        assert_eq!(page.eval("clicks").unwrap(), json!([[100, 50, 1], [100, 50, 2]]));
        page.type_text("aB 1!\n").unwrap();
        page.press("Control+F9").unwrap();
        let wanted = [
            "a/KeyA/",
            "Shift/ShiftLeft/s",
            "B/KeyB/s",
            " /Space/",
            "1/Digit1/",
            "Shift/ShiftLeft/s",
            "!/Digit1/s",
            "Enter/Enter/",
            "Control/ControlLeft/c",
            "F9/F9/c",
        ];
        assert_eq!(page.eval("keys").unwrap(), json!(wanted));
        assert!(page.type_text("中").is_err());
        page.press("Control").unwrap();
        assert_eq!(page.eval("keys.at(-1)").unwrap(), json!("Control/ControlLeft/c"));
    });
}

#[test]
fn files_go_both_ways() {
    with_page(|_, page| {
        let file = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        fs::write(file.path(), "homework").unwrap();
        page.choose_files("#file", &[file.path()]).unwrap();
        page.wait_text("homework", SOON).unwrap();
        let saved = page.download(|| page.click("#save"), SOON).unwrap();
        assert_eq!(saved.file_name().unwrap(), "作业.txt");
        assert_eq!(fs::read_to_string(saved).unwrap(), "你好");
    });
}

#[test]
fn errors_on_the_console_fail() {
    with_page(|server, page| {
        page.eval("console.error('bad', 7)").unwrap();
        let error = page.check_console().unwrap_err().to_string();
        assert!(error.contains("bad 7"), "{error}");
        page.check_console().unwrap();
        page.eval("setTimeout(() => { throw new Error('thrown') }, 0)").unwrap();
        assert!(page.wait("false", Duration::from_secs(5)).unwrap_err().to_string().contains("thrown"));
        page.allow("404");
        page.eval(&format!("fetch('{}').then(() => 1)", server.local_url("/missing"))).unwrap();
        page.check_console().unwrap();
        assert!(page.eval("throw 1").is_err() && page.eval("(").is_err());
    });
}

#[test]
fn a_condition_that_never_holds_ends_with_the_pages_text() {
    with_page(|_, page| {
        let error = page.wait("window.nothing", Duration::from_secs(1)).unwrap_err().to_string();
        assert!(error.contains("window.nothing") && error.contains("late"), "{error}");
        let error = page.open("http://127.0.0.1:1/").unwrap_err().to_string();
        assert!(error.contains("cannot be opened"), "{error}");
    });
}

#[test]
fn the_network_goes_and_comes_and_languages_are_asked_for() {
    with_page(|server, page| {
        page.allow("ERR_INTERNET_DISCONNECTED");
        page.offline(true).unwrap();
        let fetch = format!("fetch('{}').then(() => 'there', () => 'gone')", server.local_url("/"));
        assert_eq!(page.eval(&fetch).unwrap(), "gone");
        page.offline(false).unwrap();
        assert_eq!(page.eval(&fetch).unwrap(), "there");
        page.language("zh-CN").unwrap();
        assert_eq!(page.eval("navigator.language").unwrap(), "zh-CN");
    });
}

#[test]
fn two_persons_share_no_cookie_and_pictures_are_taken() {
    let server = Server::start(&[("/", PAGE)]).unwrap();
    let browser = Browser::start().unwrap();
    let [one, two] = [(); 2].map(|()| browser.person().unwrap());
    for page in [&one, &two] {
        page.open(&server.local_url("/")).unwrap();
    }
    one.eval("document.cookie = 'a=1'").unwrap();
    assert_eq!(one.eval("document.cookie").unwrap(), "a=1");
    assert_eq!(two.eval("document.cookie").unwrap(), "");
    for picture in
        [one.screenshot("unit-page").unwrap(), one.screenshot_of("unit-canvas", "#screen").unwrap()]
    {
        assert!(fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    }
    one.close().unwrap();
    two.close().unwrap();
}
