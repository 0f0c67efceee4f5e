//! Values that do not go together.

use super::Pair;

pub(super) const TABLE: &[Pair] = &[
    ("{} of these; at most {} are allowed", "这里有{}项，最多允许{}项"),
    ("{} is a folder, not a file", "{}是目录，不是文件"),
    ("`ram: true` leaves disks alone, so none can be made", "`ram: true` 不使用任何磁盘，因此不能创建状态盘"),
    ("a desktop {} is there already", "已经有名为{}的桌面"),
    ("port {} of the machine is taken by {}", "主机端口{}已被{}占用"),
    ("its own ssh service", "本机的 ssh 服务"),
    ("the desktop {}", "桌面{}"),
    ("the service {}", "服务{}"),
    ("{} is taken by the volume {}", "{}已被卷{}占用"),
    ("{} is too little memory", "{}内存太少"),
    ("{} is the machine's own service", "{}是本机自带的服务"),
    ("the service {} waits for itself", "服务{}在等待它自己"),
];
