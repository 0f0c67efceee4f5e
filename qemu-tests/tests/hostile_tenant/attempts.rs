//! What a tenant with bad intentions tries, and what must come of it.

/// An attempt: a shell script run as the tenant, in the desktop.
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    pub(crate) script: &'static str,
    pub(crate) must: Must,
}

/// What must come of an attempt.
pub(crate) enum Must {
    /// It fails, and says why in one of these words, divided by `|`. Without them a missing tool would count as a denial.
    Fail(&'static str),
    /// It succeeds and says just this: what is there to be seen is known.
    Say(&'static str),
}
use Must::{Fail, Say};

const fn fails(name: &'static str, script: &'static str, why: &'static str) -> Attempt {
    Attempt { name, script, must: Fail(why) }
}

const fn says(name: &'static str, script: &'static str, what: &'static str) -> Attempt {
    Attempt { name, script, must: Say(what) }
}

/// Put before every script: `call NUMBER ARGUMENT…` makes a system call as `<asm/unistd_64.h>` numbers them, and
/// `reach ADDRESS PORT` tries to connect. Perl is in every Debian.
pub(crate) const TOOLS: &str = r#"
call() { perl -e '@a = map { /^-?(0x)?[0-9a-f]+$/ ? ($1 ? hex : $_ + 0) : $_ } @ARGV;
    $n = shift @a; $r = syscall($n, @a); if ($r < 0) { print "$!\n"; exit 1 } print "$r\n"' "$@"; }
reach() { perl -MIO::Socket::INET -e '
    $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 4) or do { print "unreachable: $@\n"; exit 1 };
    print "connected\n"' "$1" "$2"; }
"#;

/// Errors as Linux words them.
const EPERM: &str = "Operation not permitted";
const EROFS: &str = "Read-only file system";
/// The same denial by owner or by mount; or the kernel does not have the thing at all.
const CLOSED: &str = "Permission denied|Read-only file system|No such file or directory";
const NOT_HERE: &str = "Operation not permitted|Function not implemented";

const UNREACHABLE: &str = "unreachable: ";

/// Everything that leaves nothing behind when it is denied.
pub(crate) const ATTEMPTS: &[Attempt] = &[
    // Who one is.
    says(
        "has no capability",
        "awk '/^Cap/ { s += $2 != \"0000000000000000\" } END { print s + 0 }' /proc/self/status",
        "0",
    ),
    says(
        "is filtered and gains nothing",
        "awk '/^(NoNewPrivs|Seccomp):/ { printf \"%s%s \", $1, $2 }' /proc/self/status",
        "NoNewPrivs:1 Seccomp:2",
    ),
    says(
        "has a share of the disk's inodes",
        "for place in ~ /var/tmp; do echo $(( $(stat -f -c %c $place) <= 524288 )); done | tr -d '\\n'",
        "11",
    ),
    says("is in a user namespace", "awk '{ print $1, $2, $3 }' /proc/self/uid_map", "0 231072 65536"),
    fails("sudo", "sudo -n true", "no new privileges"),
    fails("root by number", "call 105 0", EPERM),
    // Mounts and namespaces.
    fails("mount a tmpfs", "call 165 none /mnt tmpfs 0 0", EPERM),
    fails("mount proc anew", "call 165 proc /mnt proc 0 0", EPERM),
    fails("bind over /etc", "call 165 /tmp /etc none 4096 0", EPERM),
    fails("uncover /proc/sys", "call 166 /proc/sys 2", EPERM),
    fails("mount the new way", "call 430 tmpfs 0", EPERM),
    fails("another root", "call 161 /tmp", EPERM),
    fails("turn the root", "call 155 /tmp /tmp", EPERM),
    fails("a user namespace", "call 272 0x10000000", EPERM),
    fails("a user namespace by clone", "call 56 0x10000011 0 0 0 0", EPERM),
    fails(
        "the first process's namespaces",
        "perl -e 'open $f, \"<\", \"/proc/1/ns/net\" or die \"$!\\n\"; syscall(308, fileno $f, 0) < 0 and die \"$!\\n\"'",
        EPERM,
    ),
    fails("files by their handles", "call 304 -100 x 0", EPERM),
    // The kernel's settings.
    fails("core_pattern", "echo '|/tmp/x' > /proc/sys/kernel/core_pattern", CLOSED),
    fails("memory for nothing", "echo 1 > /proc/sys/vm/overcommit_memory", EROFS),
    fails("forward packets", "echo 1 > /proc/sys/net/ipv4/ip_forward", EROFS),
    fails("sysrq", "echo b > /proc/sysrq-trigger", EROFS),
    fails("uevent helper", "echo /tmp/x > /sys/kernel/uevent_helper", CLOSED),
    fails("power", "echo mem > /sys/power/state", CLOSED),
    fails(
        "all memory",
        "head -c 1 /proc/kcore > /dev/null; test -s /proc/kcore || { echo nothing; false; }",
        "nothing",
    ),
    fails("the kernel's log", "call 103 3 x 0", EPERM),
    fails("a kernel module", "call 175 x 0 x", EPERM),
    fails("another kernel", "call 246 0 0 0 0", EPERM),
    fails("reboot", "call 169 0xfee1dead 0x28121969 0x1234567 0", EPERM),
    fails("the clock", "call 164 xxxxxxxxxxxxxxxx 0", EPERM),
    fails("the host's name", "call 170 mallory 7", EPERM),
    fails("swap", "call 167 /tmp/swap 0", EPERM),
    fails("quotas", "call 179 0 0 0 0", EPERM),
    // What a kernel is attacked by.
    fails("bpf", "call 321 0 0 0", EPERM),
    fails("perf", "call 298 x 0 -1 -1 0", EPERM),
    fails("userfaultfd", "call 323 0", EPERM),
    fails("io_uring", "call 425 1 x", EPERM),
    fails("read another process", "call 310 1 0 0 0 0 0", NOT_HERE),
    fails("keyring: a key", "call 248 user a b 1 -3", EPERM),
    fails("keyring: the session's", "call 250 0 -3 0", EPERM),
    says("finds no key of others", "wc -l < /proc/keys | tr -d ' '", "0"),
    // Control groups.
    fails("its own limit", "echo max > /sys/fs/cgroup/pids.max", CLOSED),
    fails("a group of its own", "mkdir /sys/fs/cgroup/mine", CLOSED),
    fails("leave its group", "echo $$ > /sys/fs/cgroup/cgroup.procs", CLOSED),
    says("sees no group above", "cat /proc/self/cgroup", "0::/"),
    // Devices.
    fails("a disk's node", "mknod /tmp/vda b 254 0", EPERM),
    fails("memory's node", "mknod /tmp/mem c 1 1", EPERM),
    says(
        "has no device but harmless ones",
        "cd /dev && ls -1 | grep -vxE 'core|fd|full|mqueue|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero|console' | tr '\\n' ' '",
        "",
    ),
    // The engines, and other tenants' sockets.
    says(
        "finds no engine's socket",
        "ls -d /run/docker.sock /run/*/docker.sock /var/run/docker* /run/containerd* /run/system-docker* /run/dockos/agent /run/user-docker 2>/dev/null | wc -l",
        "0",
    ),
    says(
        "hears no engine in the network's namespace",
        "grep -cE 'docker|containerd|shim' /proc/net/unix",
        "0",
    ),
    says("has one screen, its own", "ls -A /run/dockos/screen | tr '\\n' ' '", "vnc"),
    says("has one display, its own", "ls -A /tmp/.X11-unix 2>/dev/null | tr '\\n' ' '", "X1"),
    // The brackets keep grep from finding itself.
    says(
        "sees no process of others",
        "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -cE '[d]ockerd|[c]ontainerd|[d]ockos engine|[d]esktops agent'",
        "0",
    ),
    // The network.
    fails("frames of its own", "call 41 17 3 768", EPERM),
    fails("packets of its own", "call 41 2 3 255", EPERM),
    fails(
        "an address",
        "perl -e 'socket($s, 2, 2, 0); $r = pack(\"a16 S n a4 x8\", \"eth0\", 2, 0, \"\\x0a\\0\\0\\x63\"); ioctl($s, 0x8916, $r) or die \"$!\\n\"'",
        EPERM,
    ),
    says(
        "knows no neighbour but its gateway",
        "awk 'NR > 1' /proc/net/arp | wc -l | awk '{ print $1 <= 1 ? \"ok\" : $1 }'",
        "ok",
    ),
    fails("the machine by its gateway", "reach @GATEWAY@ 9999", UNREACHABLE),
    fails("the machine by its own address", "reach @HOST@ 9999", UNREACHABLE),
    fails("the machine's page", "reach @HOST@ 443", UNREACHABLE),
    fails("the machine's SSH", "reach @GATEWAY@ 22", UNREACHABLE),
    fails("a metadata service", "reach 169.254.169.254 80", UNREACHABLE),
    fails("another tenant by address", "reach @OTHER@ 8000", UNREACHABLE),
    fails("another tenant by name", "getent hosts desktop-bob || { echo unknown; false; }", "unknown"),
    says("reaches what is outside, as its course may", "reach 10.0.2.2 @OUTSIDE@", "connected"),
    says(
        "has no IPv6 to find neighbours by",
        "awk '$6 != \"lo\"' /proc/net/if_inet6 2>/dev/null | wc -l",
        "0",
    ),
];

/// What is tried from a course without internet.
pub(crate) const CLOSED_ATTEMPTS: &[Attempt] = &[
    fails("what is outside", "reach 10.0.2.2 @OUTSIDE@", UNREACHABLE),
    fails("a name outside", "getent hosts www.kernel.org || { echo unknown; false; }", "unknown"),
    fails("the machine by its own address", "reach @HOST@ 9999", UNREACHABLE),
];
