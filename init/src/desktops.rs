//! Desktops: what the config wants of them, told to their agent, the system service `desktops`, which runs them; and the
//! page that shows them, the system service `web`.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use dockos_config::{Config, Course, Desktop, DesktopStart, InputMethod, PidsLimit, Web, WebRole};
use dockos_control::error::{Context, Fault, Result};
use dockos_control::wanted::{self, Announced, Outcome, PublishedPort, Settled, Start};
use tokio::time::{Instant, sleep};

use crate::machine::Machine;
use crate::phases::{Ended, Step};
use crate::{environment, images};

/// The service that runs desktops.
pub(crate) const AGENT: &str = "desktops";
/// The service that shows them.
pub(crate) const WEB: &str = "web";
/// What the agent keeps of desktops: where it is, there are some.
const STATE: &str = "/var/lib/dockos/desktops";
/// Folders of both services, for nobody else.
const FOLDERS: [&str; 6] = [
    STATE,
    "/var/lib/dockos/web",
    "/run/dockos/agent",
    "/run/dockos/desktops",
    "/run/dockos/web",
    "/run/user-docker/screens",
];
/// Processes of a desktop whose config says nothing: an IDE and a browser have some hundred.
const PIDS: i64 = 2048;
/// What a course gives where the config says nothing, in bytes.
const DISK: u64 = 4 << 30;
const HOME: u64 = 10 << 30;
const SHM: u64 = 256 << 20;
/// The port of HTTPS.
const PORT: u16 = 443;
/// How long the agent may say nothing of a new config: it starts, and finds the user Docker.
const ANSWER_BOUND: Duration = Duration::from_secs(60);
/// How long the boot waits for desktops to start. The agent goes on without it.
const START_BOUND: Duration = Duration::from_secs(300);
/// The same for another config on a running machine: a trial has its own bound, a minute if nobody says otherwise.
const CHANGE_BOUND: Duration = Duration::from_secs(5);
/// How long the page may take to make its certificate and listen.
const PAGE_BOUND: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// Whether the config has anything for the agent to do.
pub(crate) fn is_wanted(config: &Config) -> bool {
    let dockos = &config.dockos;
    !dockos.desktops.is_empty() || !dockos.courses.is_empty() || dockos.web.is_some()
}

/// The services that the config needs; folders and files of theirs are made.
pub(crate) fn services(config: &Config) -> Result<Vec<&'static str>> {
    // Desktops of an earlier config have to be removed, also if this one has none.
    if !is_wanted(config) && !fs::exists(STATE).unwrap_or(false) {
        return Ok(Vec::new());
    }
    for folder in FOLDERS {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.context(|| format!("make {folder}"))?;
    }
    let Some(web) = &config.dockos.web else {
        // That of a page that was.
        let _ = fs::remove_file(wanted::ANNOUNCED);
        return Ok(vec![AGENT]);
    };
    wanted::write(wanted::WEB, &page(web))?;
    Ok(vec![AGENT, WEB])
}

/// The phase. A desktop that cannot run is a problem that is named; the others run.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let told = all(machine, START_BOUND).await?;
    if let Some(web) = &machine.config().dockos.web {
        machine.check(listening(machine, port_of(web)).await);
    }
    Ok(told)
}

/// Brings the agent to what the config in force says.
pub(crate) async fn reapply(machine: &Rc<Machine>) -> Ended {
    all(machine, CHANGE_BOUND).await
}

async fn all(machine: &Rc<Machine>, bound: Duration) -> Ended {
    let config = &machine.config();
    if services(config)?.is_empty() {
        return Ok(Step::Skipped("none".to_owned()));
    }
    let desktops = config.dockos.desktops.iter().map(|desktop| one(config, desktop));
    tell(machine, config, desktops.collect(), bound).await
}

/// Runs those desktops of the config in force that another one does not name, and leaves those of the other alone:
/// nobody's work is in new ones yet.
pub(crate) async fn add(machine: &Rc<Machine>, old: &Config) -> Ended {
    let config = machine.config();
    let known = |desktop: &&Desktop| old.dockos.desktops.iter().any(|there| there.name == desktop.name);
    let new = config.dockos.desktops.iter().filter(|desktop| !known(desktop));
    let there = old.dockos.desktops.iter().map(|desktop| one(old, desktop));
    services(&config)?;
    let desktops = there.chain(new.map(|desktop| one(&config, desktop))).collect();
    tell(machine, &config, desktops, CHANGE_BOUND).await
}

/// Tells the agent, and waits until what is to start has started.
async fn tell(machine: &Machine, config: &Config, desktops: Vec<wanted::Desktop>, bound: Duration) -> Ended {
    let version = next_version();
    let courses = config.dockos.courses.iter();
    let wish = wanted::Desktops {
        version,
        remove_others: machine.config_found.get(),
        desktops,
        courses: courses.map(|(name, own)| (name.to_string(), course(config, name.as_str(), own))).collect(),
    };
    wanted::write(wanted::DESKTOPS, &wish)?;
    let told = settled(machine, version, bound).await?;
    let ready = told.desktops.iter().filter(|desktop| desktop.state == "ready").count();
    for desktop in &told.desktops {
        report(machine, desktop);
    }
    match (told.settled, told.desktops.is_empty()) {
        (true, true) => Ok(Step::Skipped("none".to_owned())),
        (true, false) => Ok(Step::Done(format!("{ready} of {}", told.desktops.len()))),
        (false, _) => Ok(Step::Done(format!("{ready} of {}, others are starting", told.desktops.len()))),
    }
}

fn report(machine: &Machine, desktop: &Outcome) {
    match desktop.state.as_str() {
        "ready" => machine.mark(format!("desktop {} running", desktop.name)),
        "failed" => machine.problem(format!("desktop {}: {}", desktop.name, desktop.reason)),
        _ => {}
    }
}

/// A number above that of the last wish.
fn next_version() -> u64 {
    wanted::read::<wanted::Desktops>(wanted::DESKTOPS).map_or(0, |last| last.version) + 1
}

/// What the agent says once every desktop that is to run does, or cannot; or when it has taken too long.
async fn settled(machine: &Machine, version: u64, bound: Duration) -> Result<Settled> {
    let start = Instant::now();
    let (mut read, mut told) = (None, Settled::default());
    loop {
        let changed = changed_at();
        if changed.is_some() && changed != read {
            read = changed;
            told = wanted::read(wanted::STATUS)?;
            let waiting =
                told.desktops.iter().filter(|desktop| desktop.state != "ready").map(|d| d.name.as_str());
            machine.waits_for(AGENT, waiting.take(3).collect::<Vec<_>>().join(", "));
        }
        let answered = told.version >= version;
        if answered && (told.settled || start.elapsed() > bound) {
            return Ok(told);
        }
        if !answered && start.elapsed() > ANSWER_BOUND {
            return Err(Fault::new("their agent does not answer; see `system-docker logs desktops`"));
        }
        sleep(PAUSE).await;
    }
}

fn changed_at() -> Option<SystemTime> {
    fs::metadata(wanted::STATUS).and_then(|status| status.modified()).ok()
}

/// Where the page is, once it is there.
async fn listening(machine: &Machine, port: u16) -> Result<()> {
    machine.waits_for(AGENT, "the page");
    let end = Instant::now() + PAGE_BOUND;
    loop {
        match announced() {
            Some(page) if page.port == port => return Ok(()),
            _ if Instant::now() > end => {
                return Err(Fault::new("the page of desktops does not answer; see `system-docker logs web`"));
            }
            _ => sleep(PAUSE).await,
        }
    }
}

/// What the page says of itself.
pub(crate) fn announced() -> Option<Announced> {
    wanted::read(wanted::ANNOUNCED).ok()
}

/// A desktop with all that its course says.
fn one(config: &Config, desktop: &Desktop) -> wanted::Desktop {
    let mut course = match (&desktop.course, config.dockos.course_of(desktop)) {
        (Some(name), Some(own)) => course(config, name.as_str(), own),
        // Anybody's image: the limits of a course that says nothing, and only the machine's variables.
        _ => wanted::Course {
            environment: environment::variables(config),
            ..course(config, "", &Course::default())
        },
    };
    if let Some(image) = &desktop.image {
        course.image = image.to_string();
        course.login = images::login(config, &course.image);
    }
    course.command = desktop.command.as_ref().map(|argv| argv.to_vec());
    course.nano_cpus = desktop.cpus.map(|cpus| cpus.nano()).or(course.nano_cpus);
    course.memory = Some(config.dockos.memory_of(desktop));
    course.shm = course.shm.min(course.memory);
    course.pids = desktop.pids.map_or(course.pids, pids);
    wanted::Desktop {
        name: desktop.name.to_string(),
        tenant: desktop.tenant.to_string(),
        start: match desktop.start {
            DesktopStart::Boot => Start::Boot,
            DesktopStart::Demand => Start::Demand,
        },
        course_name: desktop.course.as_ref().map(ToString::to_string),
        course,
        ports: desktop.ports.iter().map(port).collect(),
        volumes: desktop.volumes.iter().map(|volume| volume_of(desktop, volume)).collect(),
    }
}

fn course(config: &Config, name: &str, course: &Course) -> wanted::Course {
    let image = course.image.as_ref().map_or_else(|| format!("dockos/{name}"), ToString::to_string);
    wanted::Course {
        title: course.title.as_ref().map(ToString::to_string),
        login: images::login(config, &image),
        image,
        command: None,
        environment: variables(config, course),
        nano_cpus: course.cpus.map(|cpus| cpus.nano()),
        memory: Some(course.memory_or_default()),
        pids: course.pids.map_or(PIDS, pids),
        disk: Some(course.disk.map_or(DISK, |size| size.bytes())),
        home: Some(course.home.map_or(HOME, |size| size.bytes())),
        io: course.io.map(|size| size.bytes()),
        shm: Some(course.shm.map_or(SHM, |size| size.bytes()).min(course.memory_or_default())),
        sudo: course.sudo,
        internet: course.internet.unwrap_or(true),
        idle_stop: course.idle_stop.map(|interval| interval.duration().as_secs()),
    }
}

fn pids(limit: PidsLimit) -> i64 {
    limit.get().map_or(-1, i64::from)
}

/// A desktop's variables: what the machine says gives way to what the course does.
fn variables(config: &Config, course: &Course) -> Vec<String> {
    let text = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
    let locale = |locale: &Option<dockos_config::Locale>| locale.as_ref().map(ToString::to_string);
    let zone = |zone: &Option<dockos_config::TimeZone>| zone.as_ref().map(ToString::to_string);
    let screen = course.screen.map(|size| size.to_string());
    let machines = vec![
        format!("LANG={}", text(locale(&config.locale), "zh_CN.UTF-8")),
        format!("TZ={}", text(zone(&config.timezone), "Asia/Shanghai")),
        format!("DOCKOS_SCREEN={}", text(screen, "1280x800")),
        format!("DOCKOS_INPUT={}", if course.input == InputMethod::None { "none" } else { "pinyin" }),
    ];
    let own = locale(&course.locale).map(|value| format!("LANG={value}"));
    let own = own.into_iter().chain(zone(&course.timezone).map(|value| format!("TZ={value}"))).collect();
    let with_machines = environment::with(machines, config.dockos.environment.to_list());
    environment::with(environment::with(with_machines, own), course.environment.to_list())
}

fn port(port: &dockos_config::PortMapping) -> PublishedPort {
    PublishedPort {
        ip: port.ip.map(|ip| ip.to_string()),
        host: port.host.get(),
        container: format!("{}/{}", port.container, port.protocol.as_str()),
    }
}

/// A tenant's volume carries the tenant's name, so that no other can name it.
fn volume_of(desktop: &Desktop, volume: &dockos_config::TenantVolume) -> String {
    let mode = if volume.read_only { ":ro" } else { "" };
    format!("{}.{}:{}{mode}", desktop.tenant, volume.name, volume.target)
}

fn port_of(web: &Web) -> u16 {
    web.port.map_or(PORT, |port| port.get())
}

fn page(web: &Web) -> wanted::Web {
    let users = web.users.iter().map(|user| wanted::WebUser {
        name: user.name.to_string(),
        password_hash: user.hashed_passwd.as_ref().map(|hash| hash.reveal().to_owned()),
        link_sha256: user.link_sha256.as_ref().map(|sum| sum.reveal().to_owned()),
        teacher: user.role == WebRole::Teacher,
    });
    wanted::Web {
        port: port_of(web),
        certificate: web.certificate.as_ref().map(|text| text.as_str().to_owned()),
        key: web.key.as_ref().map(|key| key.reveal().to_owned()),
        users: users.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktop_is_what_its_course_says_and_then_what_it_says_itself() {
        let config = dockos_config::parse(
            "test.yml",
            "timezone: Asia/Urumqi\n\
             dockos:\n\
             \x20 environment: {LANG: en_US.UTF-8, A: b}\n\
             \x20 courses:\n\
             \x20   c: {memory: 512M, cpus: 2, sudo: true}\n\
             \x20   java: {image: lab/java, locale: C.UTF-8, input: none, environment: {A: c}}\n\
             \x20 desktops:\n\
             \x20   - {name: a, tenant: alice, course: c, start: demand}\n\
             \x20   - {name: b, tenant: bob, course: java, memory: 2G, pids: 64}\n\
             \x20   - {name: hello, tenant: carol, image: dockos/hello, volumes: [\"data:/data\"]}\n",
        )
        .unwrap();
        let all: Vec<wanted::Desktop> = config.dockos.desktops.iter().map(|d| one(&config, d)).collect();
        let [a, b, hello] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(
            (a.course.image.as_str(), a.course.memory, a.start),
            ("dockos/c", Some(512 << 20), Start::Demand)
        );
        assert_eq!((a.course.nano_cpus, a.course.shm, a.course.sudo), (Some(2_000_000_000), Some(SHM), true));
        assert_eq!(
            a.course.environment,
            ["TZ=Asia/Urumqi", "DOCKOS_SCREEN=1280x800", "DOCKOS_INPUT=pinyin", "A=b", "LANG=en_US.UTF-8"]
        );
        assert_eq!(
            (b.course.image.as_str(), b.course.memory, b.course.pids),
            ("lab/java", Some(2 << 30), 64)
        );
        assert!(
            ["LANG=C.UTF-8", "A=c"].iter().all(|pair| b.course.environment.contains(&(*pair).to_owned()))
        );
        assert_eq!(
            (hello.course.memory, hello.course.pids, hello.course.disk),
            (Some(1 << 30), PIDS, Some(DISK))
        );
        assert!(hello.course.environment.contains(&"LANG=en_US.UTF-8".to_owned()));
        assert_eq!(hello.volumes, ["carol.data:/data"]);
    }
}
