//! A desktop as a container: what a tenant is confined by, and the hash that tells whether it has to be made anew.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, Mount, MountType, NetworkCreateRequest,
    PortBinding, RestartPolicy, RestartPolicyNameEnum, ThrottleDevice, VolumeCreateRequest,
};
use dockos_control::spec;
use dockos_control::wanted::{Desktop, PublishedPort};

use super::disk::Disk;
use super::engine::{DESKTOP_LABEL, GRACE, TENANT_LABEL};
use super::image::Image;

/// The user of an image with a screen.
pub(crate) const STUDENT: u32 = 1000;
/// Their home in it.
pub(crate) const HOME: &str = "/home/student";
/// Where an image's X server listens.
const SCREEN: &str = "/run/dockos/screen";
/// How early the kernel kills a tenant's process: before everything of the machine's own.
const OOM_SCORE: i64 = 500;
/// Docker's profile of system calls, and gdb's wish (see the folder's README).
const SECCOMP: &str = include_str!("../../seccomp/profile.json");
/// Docker's own capabilities for root in a container, less NET_RAW (forging a neighbour's packets) and MKNOD.
const ROOT_CAPABILITIES: [&str; 12] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// What there is on this machine for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The state disk.
    pub(crate) disk: Disk,
    /// Where the user Docker sees the folders of screens.
    pub(crate) screens: String,
    /// Whether the engine has bridges.
    pub(crate) networks: bool,
    /// Whether the kernel knows IPv6.
    pub(crate) ipv6: bool,
}

/// The name of a desktop's container.
pub(crate) fn container(name: &str) -> String {
    format!("desktop-{name}")
}

/// The volume of a tenant's home.
pub(crate) fn home(tenant: &str) -> String {
    format!("{tenant}.home")
}

/// The names of a tenant's two networks: the one that leads out, and the one that leads nowhere. No tenant's name has a dot
/// in it, so none of another tenant is called the same.
pub(crate) fn networks(tenant: &str) -> [String; 2] {
    [format!("tenant.{tenant}"), format!("tenant.{tenant}.inside")]
}

/// The network that a desktop is in.
pub(crate) fn network(desktop: &Desktop) -> NetworkCreateRequest {
    let [out, inside] = networks(&desktop.tenant);
    let internet = desktop.course.internet;
    NetworkCreateRequest {
        name: if internet { out } else { inside },
        driver: Some("bridge".to_owned()),
        internal: Some(!internet),
        enable_ipv6: Some(false),
        labels: Some(HashMap::from([(TENANT_LABEL.to_owned(), desktop.tenant.clone())])),
        ..Default::default()
    }
}

/// The volumes of a desktop: its tenant's home where there is a user for it, and those that the config names. All desktops
/// of a tenant share them: the first one's quota holds, of as much for each as for the home.
pub(crate) fn volumes(desktop: &Desktop, image: &Image, facts: &Facts) -> Vec<VolumeCreateRequest> {
    let size = desktop.course.home.filter(|_| facts.disk.quota);
    let volume = |bind: String| VolumeCreateRequest {
        name: bind.split_once(':').map(|(name, _)| name.to_owned()),
        driver: Some("local".to_owned()),
        driver_opts: size.map(|size| HashMap::from([("size".to_owned(), size.to_string())])),
        labels: Some(HashMap::from([(TENANT_LABEL.to_owned(), desktop.tenant.clone())])),
        ..Default::default()
    };
    binds(desktop, image).into_iter().map(volume).collect()
}

/// The container, with the hash of its description on it.
pub(crate) fn describe(desktop: &Desktop, image: &Image, facts: &Facts) -> ContainerCreateBody {
    let labels = [(DESKTOP_LABEL, &desktop.name), (TENANT_LABEL, &desktop.tenant)];
    let mut environment = desktop.course.environment.clone();
    environment.push(format!("DOCKOS_TENANT={}", desktop.tenant));
    let mut body = ContainerCreateBody {
        image: Some(desktop.course.image.clone()),
        hostname: Some(desktop.name.clone()),
        env: Some(environment),
        cmd: desktop.course.command.clone(),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value.clone())).into()),
        exposed_ports: Some(desktop.ports.iter().map(|port| port.container.clone()).collect()),
        stop_timeout: Some(GRACE.into()),
        host_config: Some(host_config(desktop, image, facts)),
        ..Default::default()
    };
    // What is made of maps and texts can always be written as JSON.
    let hash = spec::hash(&body, &image.id).unwrap_or_default();
    // Not in the hash: nobody's layer goes because a course is called otherwise.
    let title = title(desktop, image).map(|title| format!("DOCKOS_TITLE={title}"));
    body.env.get_or_insert_default().extend(title);
    body.labels.get_or_insert_default().insert(spec::LABEL.to_owned(), hash);
    body
}

/// What the desktop calls its course: the config's word for it, or the image's in the desktop's language.
fn title<'a>(desktop: &'a Desktop, image: &'a Image) -> Option<&'a str> {
    let is_english = |pair: &String| pair.starts_with("LANG=en") || pair.starts_with("LANG=C");
    let of_image = match desktop.course.environment.iter().any(is_english) {
        true => image.title_en.as_deref(),
        false => image.title.as_deref(),
    };
    desktop.course.title.as_deref().or(of_image)
}

fn host_config(desktop: &Desktop, image: &Image, facts: &Facts) -> HostConfig {
    let course = &desktop.course;
    let memory = course.memory.map(u64::cast_signed);
    HostConfig {
        memory,
        // As much again in swap would be Docker's default: a limit is a limit.
        memory_swap: memory,
        nano_cpus: course.nano_cpus.map(spec::cpu_limit),
        pids_limit: Some(course.pids),
        shm_size: course.shm.map(u64::cast_signed),
        blkio_device_read_bps: throttle(desktop, facts),
        blkio_device_write_bps: throttle(desktop, facts),
        storage_opt: size_of_layer(desktop, facts),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(capabilities(desktop, image)),
        security_opt: Some(vec![format!("no-new-privileges:{}", !course.sudo), format!("seccomp={SECCOMP}")]),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        network_mode: Some(if facts.networks { network(desktop).name } else { "none".to_owned() }),
        sysctls: without_ipv6(facts),
        port_bindings: Some(port_bindings(&desktop.ports)),
        binds: Some(binds(desktop, image)),
        mounts: image.has_screen.then(|| vec![screen(desktop, facts)]),
        // An image with a screen has its own; others leave behind what nobody waits for.
        init: Some(!image.has_screen),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        oom_score_adj: Some(OOM_SCORE),
        ..Default::default()
    }
}

/// None at all where nothing runs as root. An image without a screen is anybody's: its root has what Docker gives it, and
/// cannot gain more.
fn capabilities(desktop: &Desktop, image: &Image) -> Vec<String> {
    let root = desktop.course.sudo || !image.has_screen;
    if root { ROOT_CAPABILITIES.map(str::to_owned).to_vec() } else { Vec::new() }
}

fn throttle(desktop: &Desktop, facts: &Facts) -> Option<Vec<ThrottleDevice>> {
    let (rate, device) = (desktop.course.io?, facts.disk.device.clone()?);
    Some(vec![ThrottleDevice { path: Some(device), rate: Some(rate.cast_signed()) }])
}

fn size_of_layer(desktop: &Desktop, facts: &Facts) -> Option<HashMap<String, String>> {
    let size = desktop.course.disk.filter(|_| facts.disk.quota)?;
    Some(HashMap::from([("size".to_owned(), size.to_string())]))
}

/// Neighbours on the machine's link are not to be found by it, whatever its network is.
fn without_ipv6(facts: &Facts) -> Option<HashMap<String, String>> {
    let names = ["net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"];
    (facts.ipv6 && facts.networks).then(|| names.map(|name| (name.to_owned(), "1".to_owned())).into())
}

/// The tenant's volumes, their home among them where there is a user for it.
fn binds(desktop: &Desktop, image: &Image) -> Vec<String> {
    let home = image.has_screen.then(|| format!("{}:{HOME}", home(&desktop.tenant)));
    home.into_iter().chain(desktop.volumes.iter().cloned()).collect()
}

/// Not a bind by its short name: that would make the folder, as root's, where it is missing.
fn screen(desktop: &Desktop, facts: &Facts) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(format!("{}/{}", facts.screens, desktop.name)),
        target: Some(SCREEN.to_owned()),
        ..Default::default()
    }
}

fn port_bindings(ports: &[PublishedPort]) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        let binding = PortBinding { host_ip: port.ip.clone(), host_port: Some(port.host.to_string()) };
        bindings.entry(port.container.clone()).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

/// The hash on a description.
pub(crate) fn hash_of(body: &ContainerCreateBody) -> &str {
    body.labels.as_ref().and_then(|labels| labels.get(spec::LABEL)).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use dockos_control::wanted::{Course, Start};

    use super::*;

    fn desktop(course: Course) -> Desktop {
        Desktop {
            name: "a-c".to_owned(),
            tenant: "a".to_owned(),
            start: Start::Boot,
            course_name: Some("c".to_owned()),
            course: Course { image: "dockos/c".to_owned(), pids: 1024, ..course },
            ports: Vec::new(),
            volumes: vec!["a.data:/data:ro".to_owned()],
        }
    }

    fn image() -> Image {
        Image { id: "sha256:1".to_owned(), has_screen: true, title: None, title_en: None }
    }

    fn facts() -> Facts {
        let disk = Disk { device: Some("/dev/vda".to_owned()), quota: true };
        Facts { disk, screens: "/run/screens".to_owned(), networks: true, ipv6: true }
    }

    fn confined(course: Course, image: &Image, facts: &Facts) -> HostConfig {
        describe(&desktop(course), image, facts).host_config.unwrap()
    }

    #[test]
    fn a_desktop_has_no_privileges() {
        let host = confined(Course { internet: true, ..Course::default() }, &image(), &facts());
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.cap_add, Some(vec![]));
        let options = host.security_opt.unwrap();
        assert_eq!(options[0], "no-new-privileges:true");
        assert!(options[1].starts_with("seccomp={"));
        assert_eq!(host.network_mode.as_deref(), Some("tenant.a"));
        assert_eq!(host.sysctls.unwrap().len(), 2);
        assert_eq!(host.binds.unwrap(), ["a.home:/home/student", "a.data:/data:ro"]);
        assert_eq!(host.mounts.unwrap()[0].source.as_deref(), Some("/run/screens/a-c"));
        assert_eq!((host.privileged, host.devices), (None, None));
    }

    #[test]
    fn root_is_given_where_the_course_says_so_and_never_raw_sockets() {
        let host = confined(Course { sudo: true, ..Course::default() }, &image(), &facts());
        assert_eq!(host.security_opt.unwrap()[0], "no-new-privileges:false");
        let given = host.cap_add.unwrap();
        assert!(given.contains(&"SETUID".to_owned()));
        assert!(
            !given.iter().any(|cap| ["NET_RAW", "MKNOD", "SYS_ADMIN", "NET_ADMIN"].contains(&cap.as_str()))
        );
        let plain = Image { has_screen: false, ..image() };
        let host = confined(Course::default(), &plain, &facts());
        assert_eq!(host.security_opt.unwrap()[0], "no-new-privileges:true");
        assert!(host.mounts.is_none() && host.binds.unwrap().len() == 1, "no home and no screen");
    }

    #[test]
    fn limits_are_given_where_the_disk_has_them() {
        let course =
            Course { io: Some(1), disk: Some(2), home: Some(3), memory: Some(4), ..Course::default() };
        let host = confined(course.clone(), &image(), &facts());
        assert_eq!((host.memory, host.memory_swap), (Some(4), Some(4)));
        let device = &host.blkio_device_write_bps.unwrap()[0];
        assert_eq!((device.path.as_deref(), device.rate), (Some("/dev/vda"), Some(1)));
        assert_eq!(host.storage_opt.unwrap()["size"], "2");
        for volume in volumes(&desktop(course.clone()), &image(), &facts()) {
            assert_eq!(volume.driver_opts.unwrap()["size"], "3", "{:?}", volume.name);
        }
        let bare = Facts { disk: Disk::default(), ..facts() };
        let host = confined(course.clone(), &image(), &bare);
        assert!(host.blkio_device_read_bps.is_none() && host.storage_opt.is_none());
        let names: Vec<_> = volumes(&desktop(course), &image(), &bare)
            .into_iter()
            .map(|volume| {
                assert!(volume.driver_opts.is_none());
                volume.name.unwrap()
            })
            .collect();
        assert_eq!(names, ["a.home", "a.data"]);
    }

    #[test]
    fn a_course_without_internet_is_in_a_network_that_leads_nowhere() {
        let inside = network(&desktop(Course::default()));
        assert_eq!((inside.name.as_str(), inside.internal), ("tenant.a.inside", Some(true)));
        let out = network(&desktop(Course { internet: true, ..Course::default() }));
        assert_eq!((out.name.as_str(), out.internal), ("tenant.a", Some(false)));
        assert_eq!(networks("a"), [out.name, inside.name]);
        for other in ["a-inside", "a-", "tenant-a"] {
            assert!(networks(other).iter().all(|name| !networks("a").contains(name)), "{other}");
        }
        assert!("a.inside".parse::<dockos_config::Name>().is_err(), "no tenant is called so");
    }

    #[test]
    fn the_hash_tells_descriptions_apart_and_nothing_else() {
        let of = |course, image: &Image| hash_of(&describe(&desktop(course), image, &facts())).to_owned();
        let one = of(Course::default(), &image());
        assert_eq!(one.len(), 16);
        assert_eq!(one, of(Course::default(), &image()));
        assert_ne!(one, of(Course { memory: Some(1), ..Course::default() }, &image()));
        assert_ne!(one, of(Course::default(), &Image { id: "sha256:2".to_owned(), ..image() }));
        let titled = Image { title: Some("程序设计".to_owned()), ..image() };
        assert_eq!(one, of(Course::default(), &titled));
        let named = Course { title: Some("C".to_owned()), ..Course::default() };
        assert_eq!(one, of(named.clone(), &titled));
        let body = describe(&desktop(named), &titled, &facts());
        assert!(body.env.unwrap().contains(&"DOCKOS_TITLE=C".to_owned()));
        // Maps with many keys in any order.
        (0..20).for_each(|_| assert_eq!(one, of(Course::default(), &image())));
    }

    #[test]
    fn the_profile_is_docker_s_with_gdb_s_wish() {
        let profile: serde_json::Value = serde_json::from_str(SECCOMP).unwrap();
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
        let calls = profile["syscalls"].as_array().unwrap();
        let allowed = |name: &str| {
            let named =
                calls.iter().filter(|rule| rule["names"].as_array().unwrap().iter().any(|n| n == name));
            named.filter(|rule| rule["action"] == "SCMP_ACT_ALLOW").cloned().collect::<Vec<_>>()
        };
        for denied in [
            "mount",
            "keyctl",
            "add_key",
            "bpf",
            "unshare",
            "setns",
            "init_module",
            "reboot",
            "io_uring_setup",
        ] {
            assert!(allowed(denied).is_empty(), "{denied}");
        }
        let values: Vec<u64> =
            allowed("personality").iter().map(|rule| rule["args"][0]["value"].as_u64().unwrap()).collect();
        assert!(values.contains(&0x0004_0000) && values.contains(&0), "{values:?}");
        assert_eq!(allowed("clone")[0]["args"][0]["op"], "SCMP_CMP_MASKED_EQ", "no new namespaces");
    }
}
