//! Keys of cloud-init, Compose and others that have no meaning in DockOS: why, and what to do instead.

use crate::shape::Refused;

const fn refused(names: &'static [&'static str], why: &'static str, instead: &'static str) -> Refused {
    Refused { names, why, instead, secret: false }
}

/// The same of keys whose values are never shown.
const fn secret(names: &'static [&'static str], why: &'static str, instead: &'static str) -> Refused {
    Refused { secret: true, ..refused(names, why, instead) }
}

/// At the top level: cloud-init's keys, and those of other systems' configs.
pub(crate) const TOP: &[Refused] = &[
    refused(
        &[
            "packages",
            "package_update",
            "package_upgrade",
            "package_reboot_if_required",
            "apt",
            "apt_update",
            "apt_upgrade",
            "apt_reboot_if_required",
            "apt_pipelining",
            "apk_repos",
            "yum_repos",
            "yum_repo_dir",
            "zypper",
            "snap",
            "ubuntu_pro",
            "ubuntu_advantage",
            "rh_subscription",
            "spacewalk",
            "drivers",
        ],
        "the root image is read-only, and no package can be installed",
        "run the program as a service of `dockos.services`, or put it into a desktop's image",
    ),
    refused(
        &["disk_setup", "fs_setup", "device_aliases"],
        "no disk is formatted without consent",
        "`dockos.state.create: empty-disk` lets an empty disk become the state disk",
    ),
    refused(
        &["phone_home"],
        "a machine tells nobody about itself unasked",
        "send what you want to tell by a command of `runcmd`",
    ),
    secret(
        &["user", "password", "chpasswd"],
        "a password stands with its user, as a hash",
        "write `users: [{name: root, passwd: '$6$...', lock_passwd: false}]`",
    ),
    refused(
        &["ssh_import_id", "allow_public_ssh_keys"],
        "keys are not fetched from elsewhere",
        "write them as `ssh_authorized_keys`",
    ),
    secret(
        &["ssh_keys", "ssh_deletekeys", "ssh_genkeytypes", "ssh_quiet_keygen", "ssh_publish_hostkeys"],
        "the machine makes its host key itself and keeps it on the state disk",
        "remove it",
    ),
    refused(
        &[
            "ssh",
            "disable_root_opts",
            "no_ssh_fingerprints",
            "authkey_hash",
            "ssh_fp_console_blacklist",
            "ssh_key_console_blacklist",
        ],
        "it tunes what DockOS does not have",
        "remove it; the key's fingerprint stands on the banner",
    ),
    refused(
        &["ansible", "chef", "puppet", "salt_minion", "mcollective", "landscape"],
        "no agent configures the machine besides this file",
        "write the wanted state here, or run the agent as a service of `dockos.services`",
    ),
    refused(&["lxd"], "containers are Docker's", "write them as `dockos.services` or `dockos.desktops`"),
    refused(
        &["keyboard"],
        "consoles have their own keys",
        "write `dockos.console.keyboard`, such as `de` or `us`",
    ),
    refused(
        &["resolv_conf", "manage_resolv_conf"],
        "name servers belong to the network",
        "write `nameservers` in `network`",
    ),
    secret(
        &["wireguard"],
        "there is no VPN in the root image",
        "run one as a service of `dockos.services` with `network_mode: host`",
    ),
    refused(
        &["rsyslog"],
        "messages go to the kernel log and to the consoles",
        "run a log shipper as a service of `dockos.services`",
    ),
    secret(
        &["random_seed"],
        "the kernel's random numbers come from the machine, and a seed in a file is known to many",
        "remove it",
    ),
    refused(
        &["preserve_hostname", "create_hostname_file"],
        "the name is set anew at each boot",
        "remove it; without `hostname` the network names the machine",
    ),
    refused(&["locale_configfile"], "the place of that file is fixed", "remove it; `locale` is enough"),
    refused(&["swap_file", "swapfile"], "the key has another name", "write `swap: {size: 2G}`"),
    refused(
        &[
            "grub_dpkg",
            "autoinstall",
            "byobu_by_default",
            "fan",
            "updates",
            "rpi_interfaces",
            "rpi_userconf",
            "enable_rpi_connect",
            "disable_piwiz",
            "disable_ec2_metadata",
            "install_hotplug",
        ],
        "it belongs to another system",
        "remove it",
    ),
    refused(
        &["merge_how", "merge_type"],
        "how layers come together is fixed for each key",
        "remove it; the reference says how each list merges",
    ),
    refused(
        &[
            "cloud_init_modules",
            "cloud_config_modules",
            "cloud_final_modules",
            "datasource",
            "datasource_list",
            "system_info",
            "output",
            "reporting",
            "logcfg",
            "log_cfgs",
            "vendor_data",
            "manual_cache_clean",
            "unverified_modules",
            "def_log_file",
            "syslog_fix_perms",
        ],
        "it tunes cloud-init itself, which DockOS does not run",
        "remove it",
    ),
    refused(
        &["rancher"],
        "this is a config of RancherOS",
        "turn it over with `dockos config import --from rancheros FILE`",
    ),
    refused(
        &["ignition", "variant", "storage", "systemd", "passwd", "kernel_arguments"],
        "this is a config of Butane or Ignition",
        "turn it over with `dockos config import --from butane FILE`",
    ),
    refused(
        &[
            "services",
            "desktops",
            "docker",
            "system_docker",
            "state",
            "sysctl",
            "modules",
            "center",
            "node",
            "registry_auths",
            "watchdog",
            "console",
            "upgrade",
            "proxies",
            "environment",
        ],
        "it is a key below `dockos:`",
        "indent it below `dockos:`",
    ),
];

/// Of a user.
pub(crate) const USER: &[Refused] = &[
    secret(
        &["plain_text_passwd", "plain-text-passwd", "password"],
        "a file that many can read holds no plain password",
        "write its hash as `passwd`, made with `openssl passwd -6` or `mkpasswd`",
    ),
    refused(
        &["ssh_import_id", "ssh-import-id", "snapuser"],
        "keys are not fetched from elsewhere",
        "write them as `ssh_authorized_keys`",
    ),
    refused(
        &["ssh_redirect_user"],
        "there is no default user to redirect to",
        "leave the user without `ssh_authorized_keys`",
    ),
    refused(
        &["expiredate", "inactive"],
        "accounts are made anew at each boot and do not expire",
        "remove the user from the config on that day, or set `lock_passwd: true`",
    ),
    refused(&["selinux_user", "selinux-user"], "there is no SELinux", "remove it"),
    refused(&["doas"], "there is no doas", "write the rule as `sudo`"),
    refused(
        &["no_user_group", "no-user-group", "create_groups", "create-groups"],
        "a user has a group of its own, or that of `primary_group`; groups are made when they are listed",
        "write `primary_group`, and list new groups under `groups` at the top level",
    ),
    refused(&["no_log_init", "no-log-init"], "no such log is kept", "remove it"),
];

/// Of `ntp`.
pub(crate) const NTP: &[Refused] = &[
    refused(
        &["ntp_client", "config"],
        "DockOS has one time client, which needs no more than `servers` and `pools`",
        "remove it",
    ),
    refused(
        &["peers", "allow"],
        "the machine tells the time to no others",
        "list time servers under `servers`, or run a time server as a service of `dockos.services`",
    ),
];

/// Of a file to write.
pub(crate) const WRITE_FILE: &[Refused] = &[refused(
    &["source"],
    "files are not fetched from elsewhere",
    "write the content here, or fetch it by a command of `runcmd`",
)];

/// Of a service: what else the Compose Specification knows.
pub(crate) const SERVICE: &[Refused] = &[
    refused(
        &[
            "ports",
            "expose",
            "links",
            "external_links",
            "networks",
            "mac_address",
            "dns",
            "dns_search",
            "dns_opt",
        ],
        "the system Docker has no network of its own",
        "with `network_mode: host` the service is on the machine's network, with all its ports",
    ),
    refused(
        &["build", "develop"],
        "the machine builds no images",
        "build the image elsewhere, push it to a registry, and name it as `image`",
    ),
    refused(
        &["deploy", "scale", "profiles", "attach", "provider"],
        "each service runs once, on this machine",
        "write limits as `mem_limit`, `cpus` and `pids_limit`; leave out services that are not to run",
    ),
    refused(&["container_name"], "a service's container has the service's name", "rename the service"),
    refused(
        &["extends"],
        "services are not put together from others",
        "mark one with `&name` and merge it into another with `<<: *name`",
    ),
    refused(
        &["secrets", "configs"],
        "files come from the machine",
        "write the file with `write_files`, and bind it with `volumes`",
    ),
    refused(
        &["env_file", "label_file"],
        "a service is described in one place",
        "write the pairs as `environment` or `labels`",
    ),
    refused(
        &["userns_mode"],
        "services of the system Docker are the machine's own, and share its users",
        "set `user`, or run it as a desktop: root in a desktop is nobody on the machine",
    ),
    refused(
        &["oom_kill_disable"],
        "a container that cannot be killed can stop the whole machine",
        "set `oom_score_adj: -1000`, and a `mem_limit` that is large enough",
    ),
    refused(
        &["memswap_limit", "mem_swappiness"],
        "swap is shared by the whole machine",
        "set `mem_limit`, and the machine's `swap`",
    ),
    refused(
        &["cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_runtime", "cpu_rt_period"],
        "CPUs are limited by one key",
        "write `cpus`, such as `cpus: 0.5`",
    ),
    refused(
        &[
            "pull_policy",
            "platform",
            "runtime",
            "isolation",
            "credential_spec",
            "storage_opt",
            "cgroup_parent",
            "blkio_config",
            "device_cgroup_rules",
            "volumes_from",
            "domainname",
            "annotations",
            "gpus",
            "models",
            "post_start",
            "pre_stop",
            "use_api_socket",
        ],
        "it tunes what DockOS does in one way",
        "remove it",
    ),
    refused(
        &["tty", "stdin_open"],
        "nobody sits before a service",
        "remove it, and use `docker exec -it` to look into it",
    ),
];
