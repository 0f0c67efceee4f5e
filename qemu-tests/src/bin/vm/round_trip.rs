//! How long a screen takes to answer a key: in the page, and to a plain VNC client over TCP.

use std::{
    fs,
    io::ErrorKind,
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use qemu_tests::{Browser, PASSWORD_HASH, Person, SCREEN, Store, Vm, Vnc, paths};

use crate::{
    figures::{Figure, median},
    pc,
};

/// The page may take so many times as long as the plain client.
const LIMIT: f64 = 1.5;
/// Keys of each kind, after as many as warm up.
const KEYS: usize = 40;
const WARM: usize = 5;
/// Between two keys, so that no answer is to an earlier one.
const PAUSE: Duration = Duration::from_millis(300);
/// How long boot, desktop and terminal may take.
const BOOT: Duration = Duration::from_secs(300);
/// How long the plain client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The guest's port of the bridge.
const PORT: u16 = 5900;
/// X's number of the key that is pressed.
const KEY: u32 = b'x' as u32;
/// Presses a key again and again, and notes when noVNC has drawn what came then.
const IN_PAGE: &str = r"(async () => {
    const canvas = document.querySelector('#desktop canvas'), context = canvas.getContext('2d');
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    const draw = context.drawImage.bind(context);
    let drawn = null;
    context.drawImage = (...words) => { draw(...words); drawn?.(); };
    const times = [];
    for (let key = 0; key < COUNT; key += 1) {
        await pause(PAUSE);
        const next = new Promise((done) => { drawn = done; });
        const begin = performance.now();
        for (const kind of ['keydown', 'keyup']) {
            canvas.dispatchEvent(new KeyboardEvent(kind, { key: 'x', code: 'KeyX', bubbles: true, cancelable: true }));
        }
        await Promise.race([next, pause(20000)]);
        drawn = null;
        times.push(performance.now() - begin);
    }
    delete context.drawImage;
    return times;
})()";

/// Both, and their ratio.
pub(crate) fn measure(image: &str) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let bridge = folder.path().join("bridge");
    let built = Command::new("rustc")
        .args(["-O", "--edition", "2024", "-C", "target-feature=+crt-static", "-o"])
        .arg(&bridge)
        .arg(paths::workspace().join("qemu-tests/bridge.rs"))
        .status();
    ensure!(built.context("cannot run rustc")?.success(), "bridge.rs cannot be built");
    let config = format!(
        "#cloud-config\ndockos:\n  desktops:\n    - {{ name: alice, tenant: alice, image: dockos/{image}, start: boot }}\n  \
         web:\n    users: [ {{ name: alice, hashed_passwd: '{PASSWORD_HASH}' }} ]\n"
    );
    let disk = Store::of_desktops(&[image], 16 << 30)?.disk("bench-round-trip")?;
    let machine = pc("bench-round-trip").config(config).disk(&disk).reach(443).reach(PORT);
    let vm = machine.media("BRIDGE", &[("bridge", &fs::read(&bridge)?)]).start()?;
    vm.wait_ready(BOOT)?;
    vm.wait_desktop("alice", "ready", BOOT)?;
    let browser = Browser::start()?;
    let alice = Person::log_in(&browser, vm.port(443)?, "alice", "en-US")?;
    alice.open("alice", BOOT)?;
    alice.terminal(&vm, "alice", BOOT)?;
    let page = in_page(&alice)?;
    alice.page.close()?;
    drop(browser);
    let plain = plain(&vm)?;
    vm.poweroff()?;
    let ratio = median(&page).zip(median(&plain)).map(|(page, plain)| page / plain);
    Ok(vec![
        Figure::new("a key's echo, plain VNC client", "s", None, plain),
        Figure::new("a key's echo, in the page", "s", None, page),
        Figure::new("page / plain", "", Some(LIMIT), ratio.into_iter().collect()),
    ])
}

fn in_page(alice: &Person) -> Result<Vec<f64>> {
    alice.page.click(SCREEN)?;
    let mut times = Vec::new();
    // In parts: one call may not take longer than a minute.
    while times.len() < WARM + KEYS {
        let script = IN_PAGE.replace("COUNT", "5").replace("PAUSE", &PAUSE.as_millis().to_string());
        let part: Vec<f64> = serde_json::from_value(alice.page.eval(&script)?)?;
        times.extend(part.into_iter().map(|milliseconds| milliseconds / 1000.0));
    }
    Ok(times.split_off(WARM))
}

fn plain(vm: &Vm) -> Result<Vec<f64>> {
    vm.check("for disk in /dev/vd?; do mount -t vfat -o ro $disk /mnt 2>/dev/null || continue; [ -e /mnt/bridge ] && break; umount /mnt; done; cp /mnt/bridge /tmp/bridge && umount /mnt && chmod 755 /tmp/bridge")?;
    vm.check(&format!(
        "/tmp/bridge {PORT} /run/user-docker/screens/alice/vnc > /tmp/bridge.log 2>&1 < /dev/null &"
    ))?;
    vm.eventually(&format!("netstat -ltn | grep -q :{PORT}"), BOOT)?;
    let stream = TcpStream::connect(("127.0.0.1", vm.port(PORT)?))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut vnc = Vnc::open(stream.try_clone()?)?;
    vnc.ask(true)?;
    vnc.update()?;
    vnc.ask(false)?;
    let mut times = Vec::new();
    for _ in 0..WARM + KEYS {
        take_what_still_comes(&mut vnc, &stream)?;
        let begin = Instant::now();
        vnc.strike(KEY)?;
        vnc.update()?;
        times.push(begin.elapsed().as_secs_f64());
        vnc.ask(false)?;
    }
    Ok(times.split_off(WARM))
}

/// One key changes the screen more than once, as its cursor blinks: what comes in the pause is no answer to the next key.
fn take_what_still_comes(vnc: &mut Vnc<TcpStream>, stream: &TcpStream) -> Result<()> {
    let end = Instant::now() + PAUSE;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        stream.set_read_timeout(Some(left))?;
        let came = stream.peek(&mut [0]);
        stream.set_read_timeout(Some(PATIENCE))?;
        match came {
            Ok(_) => {
                vnc.update()?;
                vnc.ask(false)?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
