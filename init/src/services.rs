//! System services: containers of the system Docker, made anew at each boot from their `service.yml` or the config.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, DeviceMapping, HealthConfig, HealthStatusEnum, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use dockos_config::{
    CgroupMode, Config, Dependency, DependsCondition, HealthTest, Healthcheck, Interval, IpcMode, Logging,
    NetworkMode, PidMode, Restart, Service, Ulimit, UlimitName, UtsMode,
};

use crate::machine::Machine;
use crate::network::RESOLV_CONF;
use crate::phases::{Ended, Step};
use crate::{center, desktops, docker, engine, images, user_docker, users};
use dockos_control::error::{Context, Fault, Result};
use dockos_control::spec::cpu_limit;

/// Where the root image keeps its services' descriptions.
const FOLDER: &str = "/usr/share/dockos/services";
/// A few kB of empty directories: the file system of services that live on the host's /usr.
const SKELETON: &str = "/usr/share/dockos/skeleton.tar";
const SKELETON_IMAGE: &str = "dockos/skeleton:latest";
/// The service for logins by ssh.
const SSH: &str = "ssh";
/// How early the kernel kills a service, unless it says otherwise: after every tenant.
const OOM_SCORE: i64 = -500;

/// How long a service waits for one that it depends on to be well, or to have ended.
const DEPENDENCY_BOUND: Duration = Duration::from_secs(120);
const DEPENDENCY_PAUSE: Duration = Duration::from_millis(250);

/// The phase: all services but the user Docker, which is a phase of its own.
pub(crate) async fn phase(machine: &Rc<Machine>) -> Ended {
    let config = machine.config();
    let mut wanted: BTreeMap<String, Service> =
        config.dockos.services.iter().map(|(name, service)| (name.to_string(), service.clone())).collect();
    for service in wanted.values_mut() {
        let own = std::mem::take(&mut service.environment.0);
        service.environment = config.dockos.environment.clone();
        service.environment.0.extend(own);
    }
    if !users::logins(&config).is_empty() {
        wanted.insert(SSH.to_owned(), ssh(&config)?);
    }
    for name in desktops::services(&config)? {
        wanted.insert(name.to_owned(), built_in(name)?);
    }
    let netboot = center::netboot(&config);
    if wanted.is_empty() && netboot.is_none() {
        return Ok(Step::Skipped("none".to_owned()));
    }
    let mut started = Vec::new();
    for name in in_order(&wanted) {
        machine.waits_for("services", name.clone());
        let Some(service) = wanted.get(&name) else { continue };
        let ran = match wait_for(service).await {
            Ok(()) => run(machine, &name, service).await,
            Err(fault) => Err(fault),
        };
        match ran {
            Ok(()) => started.push(name),
            Err(fault) => machine.problem(format!("service {name}: {fault}")),
        }
    }
    // Last: its boot files may have to be copied, which takes a while.
    if let Some(wish) = netboot {
        machine.waits_for("services", center::NETBOOT);
        // Where they cannot be, it starts all the same, and tries until somebody has put them there.
        machine.check(center::prepare(machine).await.context(|| format!("service {}", center::NETBOOT)));
        match run(machine, center::NETBOOT, &center::service(wish)?).await {
            Ok(()) => started.push(center::NETBOOT.to_owned()),
            Err(fault) => machine.problem(format!("service {}: {fault}", center::NETBOOT)),
        }
    }
    Ok(Step::Done(started.join(", ")))
}

/// Brings the running services to what the config says now: those that it names no more are removed, changed ones are
/// made anew.
pub(crate) async fn reapply(machine: &Rc<Machine>) -> Ended {
    let config = machine.config();
    let wanted = |name: &str| {
        name == user_docker::SERVICE
            || (name == SSH && !users::logins(&config).is_empty())
            || (name == center::NETBOOT && center::netboot(&config).is_some())
            || name == desktops::AGENT
            || (name == desktops::WEB && config.dockos.web.is_some())
            || config.dockos.services.keys().any(|service| service.as_str() == name)
    };
    let docker = docker::open(engine::SYSTEM_SOCKET).await?;
    for name in docker::names(&docker).await?.iter().filter(|name| !wanted(name)) {
        tracing::info!("service {name} is not in the config any more and is removed");
        docker::remove(&docker, name).await?;
    }
    phase(machine).await
}

/// The service for those who log in by ssh. Passwords only where the config wants them; `-s` and `-w` are dropbear's.
fn ssh(config: &Config) -> Result<Service> {
    let mut service = built_in(SSH)?;
    if let Some(command) = &mut service.command {
        command.0.retain(|word| word != "-s" || !config.ssh_pwauth);
        if config.disable_root {
            command.0.push("-w".to_owned());
        }
    }
    Ok(service)
}

/// A service that comes with the root image.
pub(crate) fn built_in(name: &str) -> Result<Service> {
    let path = format!("{FOLDER}/{name}/service.yml");
    let text = std::fs::read_to_string(&path).context(|| format!("read {path}"))?;
    dockos_config::parse_service(&path, &text).map_err(|report| Fault::new(report.short()))
}

/// Runs a service as a container of its name. When the system Docker ends meanwhile, which its supervisor mends, once more.
pub(crate) async fn run(machine: &Machine, name: &str, service: &Service) -> Result<()> {
    let Err(fault) = run_once(machine, name, service).await else { return Ok(()) };
    tracing::warn!("service {name}: {fault}; tried once more");
    docker::answers(engine::SYSTEM_SOCKET, engine::ANSWER_BOUND).await?;
    run_once(machine, name, service).await
}

/// Waits until those that a service depends on are as it wants them. Those that only have to run do: they were started
/// before it.
async fn wait_for(service: &Service) -> Result<()> {
    for needed in service.depends_on.iter() {
        let end = tokio::time::Instant::now() + DEPENDENCY_BOUND;
        while needed.condition != DependsCondition::Started && !is_met(needed).await? {
            if tokio::time::Instant::now() > end {
                let (name, wish) = (&needed.name, needed.condition.as_str());
                let seconds = DEPENDENCY_BOUND.as_secs();
                return Err(Fault::new(format!("{name} did not reach {wish} within {seconds} s")));
            }
            tokio::time::sleep(DEPENDENCY_PAUSE).await;
        }
    }
    Ok(())
}

async fn is_met(needed: &Dependency) -> Result<bool> {
    let docker = docker::open(engine::SYSTEM_SOCKET).await?;
    let name = needed.name.as_str();
    let found = docker.inspect_container(name, None).await.map_err(|error| docker::explain(name, &error))?;
    let state = found.state.unwrap_or_default();
    if needed.condition == DependsCondition::Healthy {
        return Ok(state.health.and_then(|health| health.status) == Some(HealthStatusEnum::HEALTHY));
    }
    match (state.running, state.exit_code) {
        (Some(false), Some(0)) => Ok(true),
        (Some(false), Some(code)) => Err(Fault::new(format!("{name} failed (exit code {code})"))),
        _ => Ok(false),
    }
}

async fn run_once(machine: &Machine, name: &str, service: &Service) -> Result<()> {
    let docker = docker::open(engine::SYSTEM_SOCKET).await?;
    let image = service.image.as_ref().map_or(SKELETON_IMAGE.to_owned(), ToString::to_string);
    ensure_image(machine, &docker, &image).await?;
    docker::ensure_running(&docker, name, describe(name, service, image)).await
}

async fn ensure_image(machine: &Machine, docker: &Docker, image: &str) -> Result<()> {
    if images::is_present(docker, image).await {
        return Ok(());
    }
    if [SKELETON_IMAGE, "dockos/skeleton"].contains(&image) {
        return images::load(docker, SKELETON.as_ref()).await;
    }
    images::pull(machine, docker, image).await
}

/// The services' names, each after those it depends on. ssh is first: whoever has to mend a service that keeps the
/// others waiting gets in. What depends on itself in a circle comes as it is: the config
/// check refuses it before.
fn in_order(wanted: &BTreeMap<String, Service>) -> Vec<String> {
    let mut order: Vec<String> = wanted.keys().filter(|name| *name == SSH).cloned().collect();
    while order.len() < wanted.len() {
        let ready = |service: &Service| {
            service
                .depends_on
                .iter()
                .map(|needed| needed.name.to_string())
                .all(|d| order.contains(&d) || !wanted.contains_key(&d))
        };
        let mut left = wanted.iter().filter(|(name, _)| !order.contains(name));
        let next = left.clone().find(|(_, service)| ready(service)).or_else(|| left.next());
        match next.map(|(name, _)| name.clone()) {
            Some(name) => order.push(name),
            None => break,
        }
    }
    order
}

/// The container of a service.
fn describe(name: &str, service: &Service, image: String) -> ContainerCreateBody {
    let environment = service.environment.iter().map(|(key, value)| format!("{key}={value}"));
    ContainerCreateBody {
        image: Some(image),
        hostname: hostname(name, service),
        cmd: service.command.as_ref().map(|argv| argv.to_vec()),
        entrypoint: service.entrypoint.as_ref().map(|argv| argv.to_vec()),
        env: Some([crate::spawn::PATH.to_owned()].into_iter().chain(environment).collect()),
        user: service.user.clone(),
        working_dir: service.working_dir.as_ref().map(ToString::to_string),
        labels: Some(service.labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()),
        stop_timeout: service
            .stop_grace_period
            .map(|grace| i64::try_from(grace.duration().as_secs()).unwrap_or(10)),
        stop_signal: service.stop_signal.as_ref().map(ToString::to_string),
        healthcheck: healthcheck(&service.healthcheck),
        host_config: Some(host_config(service)),
        ..Default::default()
    }
}

/// A service on the machine's network has the machine's name unless it says otherwise.
fn hostname(name: &str, service: &Service) -> Option<String> {
    let own = (service.network_mode == NetworkMode::None && service.uts == UtsMode::Private).then_some(name);
    service.hostname.as_ref().map(|name| name.as_str()).or(own).map(str::to_owned)
}

fn healthcheck(check: &Healthcheck) -> Option<HealthConfig> {
    if *check == Healthcheck::default() {
        return None;
    }
    let nanoseconds =
        |interval: Option<Interval>| Some(i64::try_from(interval?.duration().as_nanos()).unwrap_or(i64::MAX));
    let none = || vec!["NONE".to_owned()];
    Some(HealthConfig {
        test: if check.disable { Some(none()) } else { check.test.as_ref().map(HealthTest::to_list) },
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: check.retries.map(|times| times.get().into()),
        start_period: nanoseconds(check.start_period),
        start_interval: nanoseconds(check.start_interval),
    })
}

fn host_config(service: &Service) -> HostConfig {
    let mode = |host: bool| if host { "host" } else { "private" }.to_owned();
    HostConfig {
        binds: Some(binds(service)),
        tmpfs: Some(
            service
                .tmpfs
                .iter()
                .map(|t| (t.target.to_string(), t.options.clone()))
                .collect::<HashMap<_, _>>(),
        ),
        devices: Some(service.devices.iter().map(device).collect()),
        network_mode: Some(
            if service.network_mode == NetworkMode::Host { "host" } else { "none" }.to_owned(),
        ),
        pid_mode: (service.pid == PidMode::Host).then(|| mode(true)),
        cgroupns_mode: Some(match service.cgroup {
            CgroupMode::Host => HostConfigCgroupnsModeEnum::HOST,
            CgroupMode::Private => HostConfigCgroupnsModeEnum::PRIVATE,
        }),
        privileged: Some(service.privileged),
        cap_add: Some(service.cap_add.iter().map(|cap| cap.as_str().to_owned()).collect()),
        cap_drop: Some(service.cap_drop.iter().map(|cap| cap.as_str().to_owned()).collect()),
        readonly_rootfs: Some(service.read_only),
        restart_policy: Some(RestartPolicy {
            name: Some(restart(service.restart)),
            maximum_retry_count: None,
        }),
        memory: service.mem_limit.map(|size| size.bytes().cast_signed()),
        nano_cpus: service.cpus.map(|cpus| cpu_limit(cpus.nano())),
        pids_limit: service.pids_limit.map(|limit| limit.get().map_or(-1, i64::from)),
        oom_score_adj: Some(service.oom_score_adj.map_or(OOM_SCORE, |score| score.get().into())),
        extra_hosts: some(service.extra_hosts.0.iter().map(|(name, ip)| format!("{name}:{ip}")).collect()),
        init: service.init.then_some(true),
        log_config: log_config(&service.logging),
        group_add: some(service.group_add.iter().map(ToString::to_string).collect()),
        security_opt: some(service.security_opt.iter().map(|option| option.as_str().to_owned()).collect()),
        ipc_mode: (service.ipc != IpcMode::Private).then(|| service.ipc.as_str().to_owned()),
        uts_mode: (service.uts == UtsMode::Host).then(|| mode(true)),
        shm_size: service.shm_size.map(|size| size.bytes().cast_signed()),
        sysctls: Some(
            service
                .sysctls
                .iter()
                .map(|(name, value)| (name.path().replace('/', "."), value.to_string()))
                .collect(),
        )
        .filter(|all: &HashMap<String, String>| !all.is_empty()),
        ulimits: Some(service.ulimits.0.iter().map(ulimit).collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        memory_reservation: service.mem_reservation.map(|size| size.bytes().cast_signed()),
        cpu_shares: service.cpu_shares.map(|shares| shares.get().into()),
        cpuset_cpus: service.cpuset.as_ref().map(ToString::to_string),
        ..Default::default()
    }
}

/// A list that the engine is told of only if there is something in it.
fn some(list: Vec<String>) -> Option<Vec<String>> {
    Some(list).filter(|list| !list.is_empty())
}

fn ulimit((name, limit): &(UlimitName, Ulimit)) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.as_str().to_owned()), soft: Some(limit.soft), hard: Some(limit.hard) }
}

/// The engine's own way of keeping output, unless the service says otherwise.
fn log_config(logging: &Logging) -> Option<HostConfigLogConfig> {
    let options = logging.options.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    (*logging != Logging::default())
        .then(|| HostConfigLogConfig { typ: Some(logging.driver.as_str().to_owned()), config: Some(options) })
}

/// A service on the machine's network sees the machine's name servers as they change; Docker would give it a copy.
fn binds(service: &Service) -> Vec<String> {
    const TARGET: &str = "/etc/resolv.conf";
    let mut binds: Vec<String> = service.volumes.iter().map(ToString::to_string).collect();
    let has_own = service.volumes.iter().any(|volume| volume.target.as_str() == TARGET);
    if service.network_mode == NetworkMode::Host && !has_own {
        binds.push(format!("{RESOLV_CONF}:{TARGET}:ro"));
    }
    binds
}

fn device(device: &dockos_config::Device) -> DeviceMapping {
    DeviceMapping {
        path_on_host: Some(device.host.to_string()),
        path_in_container: Some(device.container.to_string()),
        cgroup_permissions: Some(device.permissions.clone()),
    }
}

fn restart(restart: Restart) -> RestartPolicyNameEnum {
    match restart {
        Restart::No => RestartPolicyNameEnum::NO,
        Restart::Always => RestartPolicyNameEnum::ALWAYS,
        Restart::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
        Restart::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_first_and_others_come_after_what_they_need() {
        let config = "dockos: {services: {a: {depends_on: [z]}, z: {}}}\n";
        let config = dockos_config::parse("test.yml", config).unwrap();
        let services = config.dockos.services.iter();
        let mut wanted = services.map(|(name, service)| (name.to_string(), service.clone())).collect();
        assert_eq!(in_order(&wanted), ["z", "a"]);
        wanted.insert(SSH.to_owned(), Service::default());
        assert_eq!(in_order(&wanted), ["ssh", "z", "a"]);
    }
}
