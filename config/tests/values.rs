//! What a good file means.

use std::path::Path;
use std::time::Duration;

use dockos_config::{
    CgroupMode, Command, Config, CreateState, LogLevel, NetworkMode, PidMode, Restart, Service, parse,
    parse_service,
};

const LAB: &str = include_str!("good/lab.yml");

fn lab() -> Config {
    parse("lab.yml", LAB).unwrap_or_default()
}

#[test]
fn files_are_decoded() {
    let files = lab().write_files;
    assert_eq!(files[0].path.as_path(), Path::new("/etc/motd"));
    assert_eq!((files[0].content.as_slice(), files[0].permissions.bits()), (b"hi\n".as_slice(), 0o644));
    assert_eq!((files[0].owner.user.as_str(), files[0].owner.group.as_deref()), ("root", Some("root")));
    assert_eq!(files[1].content, b"#!/bin/sh\necho hi\n");
    assert_eq!(files[1].permissions.bits(), 0o755, "an unquoted 0755 is meant as its digits");
}

#[test]
fn commands_are_lines_or_lists() {
    let list = ["sh", "-c", "echo list form"].map(str::to_owned).to_vec();
    assert_eq!(lab().bootcmd, [Command::Shell("echo early".to_owned()), Command::Exec(list)]);
}

#[test]
fn the_engines_and_the_state_disk_are_set() {
    let dockos = lab().dockos;
    assert_eq!(dockos.state.create, CreateState::EmptyDisk);
    assert_eq!(dockos.state.device.unwrap().as_str(), "/dev/vda");
    assert_eq!(dockos.system_docker.log_level, LogLevel::Debug);
    assert_eq!(dockos.docker.log_level.as_str(), "warn");
    assert_eq!(dockos.docker.memory.unwrap().bytes(), 4 << 30);
}

#[test]
fn services_speak_compose() {
    let services = lab().dockos.services;
    let (name, clock) = services.iter().next().unwrap();
    assert_eq!(name.as_str(), "clock");
    assert_eq!(clock.command.as_deref().unwrap(), ["busybox", "sleep", "1d"]);
    assert_eq!(clock.entrypoint.as_deref().unwrap(), ["/bin/sh", "-c"]);
    assert_eq!(clock.environment.to_list(), ["A=b", "PORT=8080"]);
    assert_eq!(clock.labels.to_list(), ["dockos.kind=test"]);
    assert_eq!(clock.volumes[0].to_string(), "/usr:/usr:ro");
    assert_eq!(
        (clock.network_mode, clock.pid, clock.cgroup),
        (NetworkMode::None, PidMode::Host, CgroupMode::Host)
    );
    assert_eq!(clock.restart, Restart::No, "YAML 1.1 would read false");
    assert_eq!(clock.cap_add[0].as_str(), "SYS_TIME");
    assert_eq!(clock.cpus.unwrap().nano(), 500_000_000);
    assert_eq!(clock.stop_grace_period.unwrap().duration(), Duration::from_secs(90));
    assert_eq!(clock.oom_score_adj.unwrap().get(), -500);
}

#[test]
fn desktops_share_what_is_merged_in() {
    let desktops = lab().dockos.desktops;
    let [first, second] = &desktops[..] else { panic!("two desktops: {desktops:?}") };
    assert_eq!(first.command.as_deref().unwrap(), ["httpd", "-f", "-p", "8080", "-h", "/www data"]);
    assert_eq!((second.name.as_str(), second.tenant.as_str()), ("hello-2", "bob"));
    assert_eq!((&second.image, second.memory, second.pids), (&first.image, first.memory, first.pids));
    assert_eq!(second.ports[0].to_string(), "8081:8080/tcp");
    assert_eq!(second.volumes, first.volumes);
}

#[test]
fn a_service_file_is_one_service() {
    let service = parse_service("service.yml", "command: [sleep, 1d]\nrestart: always").unwrap();
    assert_eq!(service.restart, Restart::Always);
    assert_eq!(parse_service("service.yml", ""), Ok(Service::default()));
}
