//! What students and their teacher do on the page besides working: links, clipboards, files, another size of the window, a
//! cable that falls out, a look at somebody's screen.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use qemu_tests::{Browser, Https, Machine, PASSWORD_HASH, Person, SCREEN, Store, Vm, Wire, sha256, tool};
use serde_json::Value;

/// How long boot and desktops may take, emulated.
const BOOT: Duration = Duration::from_secs(300);
/// How long a step may take, emulated.
const STEP: Duration = Duration::from_secs(120);
/// The word of bob's link.
const WORD: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn page_in_a_browser() -> Result<()> {
    let disk = Store::of_desktops(&["base"], 16 << 30)?.disk("page-in-a-browser")?;
    let folder = tempfile::tempdir()?;
    let certificate = certificate(folder.path())?;
    let vm =
        Machine::new("page-in-a-browser").config(config(folder.path())?).disk(&disk).reach(443).start()?;
    vm.wait_ready(BOOT)?;
    shows_its_own_certificate(&vm, &certificate)?;
    for desktop in ["alice", "bob"] {
        vm.wait_desktop(desktop, "ready", BOOT)?;
    }
    let wire = Wire::to(vm.port(443)?)?;
    let browser = Browser::start()?;
    let alice = Person::log_in(&browser, wire.port(), "alice", "zh-CN")?;
    let bob = by_link(&browser, vm.port(443)?)?;
    each_sees_their_own(&alice, &bob)?;
    alice.open("alice", STEP)?;
    alice.terminal(&vm, "alice", STEP)?;
    text_goes_both_ways(&vm, &alice)?;
    the_desktop_gets_the_windows_size(&vm, &alice)?;
    a_teacher_only_looks(&vm, &browser, &alice)?;
    the_screen_comes_back(&vm, &alice, &wire)?;
    files_go_up_and_down(&vm, &alice, folder.path())?;
    a_reset_keeps_the_home(&vm, &alice)?;
    alice.page.close()?;
    bob.page.close()?;
    vm.poweroff()?;
    disk.check_state()
}

fn config(folder: &Path) -> Result<String> {
    let pem = |name: &str| -> Result<String> {
        Ok(fs::read_to_string(folder.join(name))?.lines().map(|line| format!("\n      {line}")).collect())
    };
    Ok(format!(
        "#cloud-config
dockos:
  courses: {{ base: {{ image: dockos/base, memory: 384M }} }}
  desktops:
    - {{ name: alice, tenant: alice, course: base, start: boot }}
    - {{ name: bob, tenant: bob, course: base, start: boot }}
  web:
    certificate: |{}
    key: |{}
    users:
      - {{ name: alice, hashed_passwd: '{PASSWORD_HASH}' }}
      - {{ name: bob, link_sha256: {} }}
      - {{ name: li, hashed_passwd: '{PASSWORD_HASH}', role: teacher }}
",
        pem("cert.pem")?,
        pem("key.pem")?,
        sha256(WORD.as_bytes())
    ))
}

/// Makes a certificate, as a room that has its own would, and returns its fingerprint.
fn certificate(folder: &Path) -> Result<String> {
    let (key, cert) = (folder.join("key.pem"), folder.join("cert.pem"));
    let made = tool("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ])
        .args(["-subj", "/CN=desktops.school.example", "-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown =
        tool("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&cert).output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).trim().to_owned();
    Ok(shown.split('=').nth(1).context("openssl says no fingerprint")?.to_owned())
}

fn shows_its_own_certificate(vm: &Vm, certificate: &str) -> Result<()> {
    let https = Https::to(vm.port(443)?)?;
    assert_eq!(https.get("/login")?.status, 200);
    assert_eq!(https.fingerprint().as_deref(), Some(certificate));
    assert!(vm.console().contains(certificate), "the console does not show {certificate}");
    Ok(())
}

/// A link logs in once.
fn by_link(browser: &Browser, port: u16) -> Result<Person> {
    let link = format!("/link/{WORD}");
    let bob = Person::at(browser, port, "en-US")?;
    bob.go(&link)?;
    bob.page.click("form button.main")?;
    bob.page.wait("location.pathname === '/desktops'", STEP)?;
    bob.page.wait_text("My desktops", STEP)?;
    let other = Person::at(browser, port, "en-US")?;
    other.page.allow("Failed to load resource");
    other.go(&link)?;
    other.page.wait_text("This link has been used already", STEP)?;
    other.page.close()?;
    Ok(bob)
}

fn each_sees_their_own(alice: &Person, bob: &Person) -> Result<()> {
    for (person, own, other) in [(alice, "alice", "bob"), (bob, "bob", "alice")] {
        assert_eq!(person.desktops()?, [own]);
        person.page.allow("Failed to load resource");
        person.go(&format!("/desktops/{other}"))?;
        assert!(!person.page.shows(SCREEN)?, "{own} sees {other}'s screen");
        person.list()?;
    }
    alice.page.wait_text("我的桌面", STEP)
}

const COPIED: &str = "网页 → 桌面 ♥";
const PASTED: &str = "桌面 → 网页 ♪";
const WRITTEN: &str = "输入法写的字";

fn text_goes_both_ways(vm: &Vm, alice: &Person) -> Result<()> {
    let page = &alice.page;
    page.allow_clipboard()?;
    page.eval(&format!("navigator.clipboard.writeText({})", Value::from(COPIED)))?;
    page.click(SCREEN)?;
    let has = format!("xclip -o -selection clipboard | grep -x '{COPIED}'");
    vm.inside_eventually("alice", &has, STEP).context("nothing came to the desktop's clipboard")?;
    let copy = format!("printf '%s' '{PASTED}' | xclip -i -selection clipboard > /dev/null 2>&1");
    assert_eq!(vm.inside("alice", &copy)?.status, 0);
    let is_there = format!("navigator.clipboard.readText().then(text => text === {})", Value::from(PASTED));
    page.wait(&is_there, STEP).context("nothing came to the browser's clipboard")?;
    // Where the browser allows none of this, the panel is the way; and one's own input method writes there.
    page.click(SCREEN)?;
    page.type_text("cat > written\n")?;
    page.click("#text")?;
    assert_eq!(page.eval("document.querySelector('#text-panel textarea').value")?, PASTED);
    page.fill("#text-panel textarea", WRITTEN)?;
    page.click("#insert")?;
    page.wait("!document.querySelector('#text-panel textarea').value", STEP)?;
    page.click("#text-panel .close")?;
    alice.wait_seen("page-written", WRITTEN, STEP)?;
    page.press("Enter")?;
    page.press("Control+d")?;
    vm.inside_eventually("alice", &format!("grep -x {WRITTEN} ~/written"), STEP)?;
    Ok(())
}

fn the_desktop_gets_the_windows_size(vm: &Vm, alice: &Person) -> Result<()> {
    for (width, height) in [(1500, 900), (1280, 800)] {
        alice.page.resize(width, height)?;
        let size = alice.page.eval(
            "(place => `${place.clientWidth}x${place.clientHeight}`)(document.getElementById('desktop'))",
        )?;
        let size = size.as_str().context("the page has no size")?.to_owned();
        ensure!(size.starts_with(&format!("{width}x")), "the page is {size}");
        vm.inside_eventually("alice", &format!("xdpyinfo | grep 'dimensions: *{size} pixels'"), STEP)?;
    }
    Ok(())
}

fn a_teacher_only_looks(vm: &Vm, browser: &Browser, alice: &Person) -> Result<()> {
    let li = Person::log_in(browser, vm.port(443)?, "li", "zh-CN")?;
    assert_eq!(li.desktops()?, ["alice", "bob"]);
    li.open("alice", STEP)?;
    assert!(!li.page.shows("#text")? && !li.page.shows("#files")?, "a teacher has the student's panels");
    alice.page.wait("document.getElementById('watching').textContent.includes('li')", STEP)?;
    li.page.resize(1000, 700)?;
    li.page.click(SCREEN)?;
    li.page.type_text("touch typed-by-li\n")?;
    alice.page.click(SCREEN)?;
    alice.page.type_text("touch typed-by-alice\n")?;
    vm.inside_eventually("alice", "ls ~/typed-by-alice", STEP)?;
    assert_ne!(vm.inside("alice", "ls ~/typed-by-li")?.status, 0, "a teacher typed in it");
    let size = vm.inside("alice", "xdpyinfo | grep dimensions")?.stdout;
    assert!(size.contains("1280x"), "a teacher's window changed the desktop: {size}");
    li.page.close()?;
    alice.page.wait("document.getElementById('watching').hidden", STEP)
}

/// Both ways that a connection ends: nobody hears of it, or both do.
fn the_screen_comes_back(vm: &Vm, alice: &Person, wire: &Wire) -> Result<()> {
    // What it asks of a server that is away.
    alice.page.allow("Failed to load resource");
    alice.page.allow("WebSocket connection to");
    alice.page.allow("Disconnection timed out");
    let covered = "!document.getElementById('overlay').hidden";
    wire.pull(true);
    alice.page.wait(covered, STEP).context("a pulled cable was not noticed")?;
    wire.pull(false);
    alice.wait_shown(STEP).context("after the cable was plugged in again")?;
    let overlay = "document.getElementById('overlay')";
    let note = format!(
        "window.wasCovered = false, new MutationObserver(() => {{ window.wasCovered ||= !{overlay}.hidden }})\
         .observe({overlay}, {{attributes: true}}), true"
    );
    alice.page.wait(&note, STEP)?;
    wire.cut();
    alice.page.wait("window.wasCovered", STEP).context("a broken connection was not noticed")?;
    alice.wait_shown(STEP).context("after the connection broke")?;
    alice.page.click(SCREEN)?;
    alice.page.type_text("touch back-again\n")?;
    vm.inside_eventually("alice", "ls ~/back-again", STEP).map(drop)
}

/// Some file's length: more than one of any piece on the way.
const LENGTH: usize = 3_000_001;

fn files_go_up_and_down(vm: &Vm, alice: &Person, folder: &Path) -> Result<()> {
    let bytes: Vec<u8> = (0..LENGTH as u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let file = folder.join("作业 1.bin");
    fs::write(&file, &bytes)?;
    alice.list()?;
    alice.page.click("article[data-name=alice] a[href$='/files']")?;
    alice.page.choose_files(".files input[type=file]", &[&file])?;
    let row = "a.file[href*='1%2Ebin']";
    alice.page.wait(&format!("document.querySelector({})", Value::from(row)), STEP)?;
    let sum = vm.inside("alice", "sha256sum < ~/'作业 1.bin' | cut -d ' ' -f 1")?.stdout;
    assert_eq!(sum.trim(), sha256(&bytes));
    let down = alice.page.download(|| alice.page.click(row), STEP)?;
    assert_eq!(down.file_name(), file.file_name());
    assert_eq!(sha256(&fs::read(down)?), sha256(&bytes));
    Ok(())
}

fn a_reset_keeps_the_home(vm: &Vm, alice: &Person) -> Result<()> {
    assert_eq!(vm.inside("alice", "touch /var/tmp/outside ~/inside")?.status, 0);
    alice.list()?;
    let before = vm.check("docker inspect -f '{{.Id}}' desktop-alice")?;
    alice.order("alice", "reset")?;
    alice.page.click("#reset button.danger")?;
    vm.eventually(&format!("test $(docker inspect -f '{{{{.Id}}}}' desktop-alice) != {before}"), STEP)?;
    alice.wait_state("alice", "ready", STEP)?;
    assert_eq!(vm.inside("alice", "ls ~/inside")?.status, 0, "the home is not as it was");
    assert_ne!(
        vm.inside("alice", "ls /var/tmp/outside")?.status,
        0,
        "a reset kept what was outside of the home"
    );
    Ok(())
}
