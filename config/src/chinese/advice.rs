//! What to do about users, mounts, engines, the kernel.

use super::Pair;

pub(super) const TABLE: &[Pair] = &[
    ("a whole number from {} to {}", "{} 到 {} 的整数"),
    ("write {}, or remove it", "请写{}，或删去它"),
    ("write its first part here, and the whole name as `fqdn`", "这里只写第一段，完整名称写成 `fqdn`"),
    ("1 to 32 lower-case letters, digits, `-` and `_`", "1 到 32 个小写字母、数字、`-` 和 `_`"),
    ("a full name, such as {}, on one line and with no `:`", "姓名，例如{}，单行且不含 `:`"),
    (
        "make one with `openssl passwd -6` or `mkpasswd`, and write it in single quotes: '$6$...'",
        "请用 `openssl passwd -6` 或 `mkpasswd` 生成，写在单引号里：'$6$...'",
    ),
    ("a rule such as {}, or `false` for none", "规则，例如{}；没有请写 `false`"),
    ("write `- name: alice`, and further keys below it", "请写 `- name: alice`，其他键写在下面"),
    ("write each group after a `- ` of its own", "每个组写一项，以 `- ` 开头"),
    ("AREA/CITY as in the IANA list, such as {}, or `UTC`", "IANA 列表中的“区域/城市”，例如{}，或 `UTC`"),
    ("LANGUAGE_COUNTRY.UTF-8, such as {} or {}, or `C.UTF-8`", "“语言_国家.UTF-8”，例如{}或{}，或 `C.UTF-8`"),
    ("such as {}, {} or {}", "例如{}、{}或{}"),
    ("a text with no blank in it", "不含空白的文本"),
    ("a text of one line", "单行文本"),
    (
        "write `|` after the key, and the lines of a .pem file below it, each indented",
        "在键后写 `|`，下面缩进写上 .pem 文件的各行",
    ),
    ("`now`, or a number of minutes up to a week, such as {}", "`now`，或不超过一周的分钟数，例如{}"),
    (
        "[SPEC, PATH, TYPE, OPTIONS, FREQ, PASSNO]; all but the first two may be left out",
        "[SPEC, PATH, TYPE, OPTIONS, FREQ, PASSNO]；除前两项外都可省略",
    ),
    (
        "[null, null, TYPE, OPTIONS, FREQ, PASSNO]; null for what has no default",
        "[null, null, TYPE, OPTIONS, FREQ, PASSNO]；没有默认值的写 null",
    ),
    ("remove this item", "请删去这一项"),
    ("write `null` here", "这里请写 `null`"),
    ("for no swap, remove the key `swap`", "不要交换空间时，请删去 `swap`"),
    ("its name as `lsmod` shows it", "`lsmod` 显示的名称"),
    ("its first address and `/` bits", "第一个地址加 `/` 位数"),
    ("numbers from 0, such as {} or {}", "从 0 开始的编号，例如{}或{}"),
    ("NAME:ADDRESS", "“名称:地址”"),
    ("FROM-TO", "“起-止”"),
    ("write it on one line, in quotes", "请写成一行，放在引号里"),
    ("http://[USER:PASSWORD@]HOST:PORT", "http://[用户:密码@]主机:端口"),
    (
        "copy it from Docker's config.json, or write `username` and `password`",
        "请从 Docker 的 config.json 复制，或写 `username` 和 `password`",
    ),
    ("HOST[:PORT] as in an image's name", "镜像名中的“主机[:端口]”"),
    (
        "[CMD, PROGRAM, ARGUMENT...], [CMD-SHELL, \"LINE\"] or [NONE]",
        "[CMD, 程序, 参数...]、[CMD-SHELL, \"命令行\"] 或 [NONE]",
    ),
    ("lower `soft`, or raise `hard`", "请减小 `soft`，或增大 `hard`"),
    // Values that do not go together.
    ("set `append: true` to add to it, or remove one of both", "要追加请设 `append: true`，否则删去其中一个"),
    ("mount it elsewhere, such as on {} or {}", "请挂载到别处，例如{}或{}"),
    ("put it on the state disk", "请放在状态盘上"),
    ("add `size: auto`, or a size", "请加上 `size: auto` 或大小"),
    ("give each user its own name", "每个用户的名称必须不同"),
    ("choose another number", "请换一个编号"),
    ("list each group once", "每个组只列一次"),
    ("add it to `users`", "请加到 `users`"),
    ("add it to `groups` at the top level", "请加到顶层的 `groups`"),
    ("add its hash as `passwd`", "请把哈希写成 `passwd`"),
    (
        "to log in with it, add `lock_passwd: false`; if it is meant so, `true`",
        "要用它登录，请加 `lock_passwd: false`；有意锁定请写 `true`",
    ),
    (
        "add `ssh_authorized_keys`, or `passwd` and `lock_passwd: false`",
        "请加 `ssh_authorized_keys`，或 `passwd` 和 `lock_passwd: false`",
    ),
    ("give a user `passwd` and `lock_passwd: false`", "请给一个用户写 `passwd` 和 `lock_passwd: false`"),
    ("add a user with `ssh_authorized_keys`", "请添加一个有 `ssh_authorized_keys` 的用户"),
    ("add `fqdn`, or remove this key", "请加上 `fqdn`，或删去这个键"),
    (
        "list some as `servers` or `pools`; without, those that the network names are asked",
        "请写在 `servers` 或 `pools` 中；否则使用网络给出的服务器",
    ),
    ("keep at least 2", "至少保留 2 个"),
    ("remove it; the engine sets it to 1", "请删去它；引擎会把它设为 1"),
    ("from {} to {}; larger numbers make smaller networks", "{} 到 {}；数字越大网段越小"),
    ("choose networks that have no address in common", "请选没有相同地址的网段"),
    (
        "write `username` and `password`, or only `auth`, or only `identity_token`",
        "请写 `username` 和 `password`，或只写 `auth`，或只写 `identity_token`",
    ),
    (
        "remove `verify: false`, and give certificates to those who may",
        "请删去 `verify: false`，并把证书发给获准的人",
    ),
    ("lower it, or raise `mem_limit`", "请减小它，或增大 `mem_limit`"),
    (
        "when all of them do, the kernel ends some; raise `docker.memory`, or lower theirs",
        "都用满时内核会终止一些；请增大 `docker.memory`，或减小桌面的内存",
    ),
    ("move it to `dockos.sysctl`", "请移到 `dockos.sysctl`"),
    ("describe it below `services`, or remove it here", "请在 `services` 下描述它，或在此删去"),
    (
        "give it a `healthcheck`, or wait for `service_started`",
        "请给它 `healthcheck`，或改为等待 `service_started`",
    ),
    (
        "give it `restart: no` or `on-failure`, or wait for less",
        "请设 `restart: no` 或 `on-failure`，或改等较弱的条件",
    ),
];
