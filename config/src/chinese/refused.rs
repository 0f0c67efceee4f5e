//! Keys known elsewhere: why they have no meaning here, and what to do instead.

use super::Pair;

pub(super) const TABLE: &[Pair] = &[
    ("{} cannot be set: {}", "不能设置{}：{}"),
    ("remove it", "请删去它"),
    // The top level.
    ("the root image is read-only, and no package can be installed", "根镜像是只读的，不能安装软件包"),
    (
        "run the program as a service of `dockos.services`, or put it into a desktop's image",
        "请把程序作为 `dockos.services` 中的服务运行，或放进桌面镜像",
    ),
    ("no disk is formatted without consent", "未经同意不格式化任何磁盘"),
    (
        "`dockos.state.create: empty-disk` lets an empty disk become the state disk",
        "`dockos.state.create: empty-disk` 允许把空磁盘用作状态盘",
    ),
    ("a machine tells nobody about itself unasked", "机器不会擅自对外发送自己的信息"),
    ("send what you want to tell by a command of `runcmd`", "要发送的内容请用 `runcmd` 中的命令发送"),
    ("a password stands with its user, as a hash", "密码应以哈希形式写在用户下面"),
    (
        "write `users: [{name: root, passwd: '$6$...', lock_passwd: false}]`",
        "请写 `users: [{name: root, passwd: '$6$...', lock_passwd: false}]`",
    ),
    ("keys are not fetched from elsewhere", "不会从别处获取公钥"),
    ("write them as `ssh_authorized_keys`", "请写成 `ssh_authorized_keys`"),
    (
        "the machine makes its host key itself and keeps it on the state disk",
        "机器自己生成主机密钥，并保存在状态盘上",
    ),
    ("it tunes what DockOS does not have", "它调整的功能 DockOS 没有"),
    ("remove it; the key's fingerprint stands on the banner", "请删去它；横幅上有密钥指纹"),
    ("no agent configures the machine besides this file", "除本文件外没有其他代理配置机器"),
    (
        "write the wanted state here, or run the agent as a service of `dockos.services`",
        "请在这里写出想要的状态，或把代理作为 `dockos.services` 中的服务运行",
    ),
    ("containers are Docker's", "容器由 Docker 管理"),
    ("write them as `dockos.services` or `dockos.desktops`", "请写成 `dockos.services` 或 `dockos.desktops`"),
    ("consoles have their own keys", "控制台有自己的键"),
    ("write `dockos.console.keyboard`, such as {} or {}", "请写 `dockos.console.keyboard`，例如{}或{}"),
    ("name servers belong to the network", "域名服务器属于网络设置"),
    ("write `nameservers` in `network`", "请在 `network` 中写 `nameservers`"),
    ("there is no VPN in the root image", "根镜像中没有 VPN"),
    (
        "run one as a service of `dockos.services` with `network_mode: host`",
        "请作为 `dockos.services` 中的服务运行，并设 `network_mode: host`",
    ),
    ("messages go to the kernel log and to the consoles", "消息写入内核日志和控制台"),
    (
        "run a log shipper as a service of `dockos.services`",
        "请把日志转发程序作为 `dockos.services` 中的服务运行",
    ),
    (
        "the kernel's random numbers come from the machine, and a seed in a file is known to many",
        "内核的随机数来自机器本身，而文件里的种子很多人都能看到",
    ),
    ("the name is set anew at each boot", "每次启动都会重新设置主机名"),
    (
        "remove it; without `hostname` the network names the machine",
        "请删去它；没有 `hostname` 时由网络给机器命名",
    ),
    ("the place of that file is fixed", "该文件的位置是固定的"),
    ("remove it; `locale` is enough", "请删去它；`locale` 就够了"),
    ("the key has another name", "这个键有另外的名称"),
    ("write `swap: {size: 2G}`", "请写 `swap: {size: 2G}`"),
    ("it belongs to another system", "它属于别的系统"),
    ("how layers come together is fixed for each key", "各层如何合并由每个键固定"),
    ("remove it; the reference says how each list merges", "请删去它；参考手册说明了每个列表如何合并"),
    (
        "it tunes cloud-init itself, which DockOS does not run",
        "它调整的是 cloud-init 本身，而 DockOS 不运行它",
    ),
    ("this is a config of RancherOS", "这是 RancherOS 的配置"),
    (
        "turn it over with `dockos config import --from rancheros FILE`",
        "请用 `dockos config import --from rancheros FILE` 转换",
    ),
    ("this is a config of Butane or Ignition", "这是 Butane 或 Ignition 的配置"),
    (
        "turn it over with `dockos config import --from butane FILE`",
        "请用 `dockos config import --from butane FILE` 转换",
    ),
    ("it is a key below `dockos:`", "这个键应在 `dockos:` 下面"),
    ("indent it below `dockos:`", "请缩进到 `dockos:` 下面"),
    // Users, time, files.
    ("a file that many can read holds no plain password", "很多人能读到的文件不应含有明文密码"),
    (
        "write its hash as `passwd`, made with `openssl passwd -6` or `mkpasswd`",
        "请把它的哈希写成 `passwd`，可用 `openssl passwd -6` 或 `mkpasswd` 生成",
    ),
    ("there is no default user to redirect to", "没有可供转到的默认用户"),
    ("leave the user without `ssh_authorized_keys`", "请不要给该用户写 `ssh_authorized_keys`"),
    ("accounts are made anew at each boot and do not expire", "账户在每次启动时重新建立，不会过期"),
    (
        "remove the user from the config on that day, or set `lock_passwd: true`",
        "请到时从配置中删去该用户，或设 `lock_passwd: true`",
    ),
    ("there is no SELinux", "没有 SELinux"),
    ("there is no doas", "没有 doas"),
    ("write the rule as `sudo`", "请写成 `sudo` 规则"),
    (
        "a user has a group of its own, or that of `primary_group`; groups are made when they are listed",
        "用户有自己的组，或 `primary_group` 指定的组；列出的组才会建立",
    ),
    (
        "write `primary_group`, and list new groups under `groups` at the top level",
        "请写 `primary_group`，并在顶层的 `groups` 中列出新组",
    ),
    ("no such log is kept", "不保存这种日志"),
    (
        "DockOS has one time client, which needs no more than `servers` and `pools`",
        "DockOS 只有一个校时程序，它只需要 `servers` 和 `pools`",
    ),
    ("the machine tells the time to no others", "机器不给别的机器报时"),
    (
        "list time servers under `servers`, or run a time server as a service of `dockos.services`",
        "请在 `servers` 中列出时间服务器，或把时间服务器作为 `dockos.services` 中的服务运行",
    ),
    ("files are not fetched from elsewhere", "不会从别处获取文件"),
    (
        "write the content here, or fetch it by a command of `runcmd`",
        "请在这里写出内容，或用 `runcmd` 中的命令获取",
    ),
    // Services.
    ("the system Docker has no network of its own", "系统 Docker 没有自己的网络"),
    (
        "with `network_mode: host` the service is on the machine's network, with all its ports",
        "设 `network_mode: host` 后服务就在主机网络上，所有端口都可用",
    ),
    ("the machine builds no images", "机器不构建镜像"),
    (
        "build the image elsewhere, push it to a registry, and name it as `image`",
        "请在别处构建镜像并推送到镜像仓库，再写成 `image`",
    ),
    ("each service runs once, on this machine", "每个服务在本机上只运行一份"),
    (
        "write limits as `mem_limit`, `cpus` and `pids_limit`; leave out services that are not to run",
        "限制请写成 `mem_limit`、`cpus` 和 `pids_limit`；不运行的服务请不要写",
    ),
    ("a service's container has the service's name", "服务的容器以服务名命名"),
    ("rename the service", "请改服务名"),
    ("services are not put together from others", "服务不能由别的服务拼成"),
    (
        "mark one with `&name` and merge it into another with `<<: *name`",
        "请用 `&name` 标记一个，再用 `<<: *name` 并入另一个",
    ),
    ("files come from the machine", "文件来自主机"),
    (
        "write the file with `write_files`, and bind it with `volumes`",
        "请用 `write_files` 写文件，再用 `volumes` 挂载",
    ),
    ("a service is described in one place", "服务只在一处描述"),
    ("write the pairs as `environment` or `labels`", "请写成 `environment` 或 `labels`"),
    (
        "services of the system Docker are the machine's own, and share its users",
        "系统 Docker 的服务属于主机，与主机共用用户",
    ),
    (
        "set `user`, or run it as a desktop: root in a desktop is nobody on the machine",
        "请设 `user`，或作为桌面运行：桌面里的 root 在主机上没有权限",
    ),
    ("a container that cannot be killed can stop the whole machine", "不能终止的容器会拖垮整台机器"),
    (
        "set `oom_score_adj: -1000`, and a `mem_limit` that is large enough",
        "请设 `oom_score_adj: -1000`，并给出足够大的 `mem_limit`",
    ),
    ("swap is shared by the whole machine", "交换空间由整台机器共用"),
    ("set `mem_limit`, and the machine's `swap`", "请设 `mem_limit` 和机器的 `swap`"),
    ("CPUs are limited by one key", "CPU 用一个键限制"),
    ("write `cpus`, such as {}", "请写 `cpus`，例如{}"),
    ("it tunes what DockOS does in one way", "它调整的功能在 DockOS 中只有一种做法"),
    ("nobody sits before a service", "服务前面没有人操作"),
    ("remove it, and use `docker exec -it` to look into it", "请删去它；要进入服务请用 `docker exec -it`"),
];
