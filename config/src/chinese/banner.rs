//! What a banner says besides the problems themselves.

use super::Pair;

pub(super) const TABLE: &[Pair] = &[
    ("error", "错误"),
    ("warning", "警告"),
    (
        "The cloud-config has errors and is not used; the machine runs with its last good one.",
        "cloud-config 有错误，未被采用；本机正使用上一次正确的配置运行。",
    ),
    (
        "The cloud-config has errors and is not used; the machine runs with its defaults.",
        "cloud-config 有错误，未被采用；本机正使用默认配置运行。",
    ),
    (
        "The root image is not the one that was asked for, and is not used.",
        "根映像与要求的不一致，未被采用。",
    ),
    (
        "The root image of last time is used: the one that was asked for cannot be had.",
        "无法取得所要求的根映像，正使用上一次的根映像。",
    ),
    (
        "The netboot server does not answer: this machine is what it was last time.",
        "网络启动服务器没有应答，本机沿用上一次的分配。",
    ),
    ("The netboot server does not know this machine yet.", "网络启动服务器尚未分配本机。"),
    ("State is kept in RAM and will be lost at power-off.", "状态只保存在内存中，关机后会丢失。"),
    (
        "The config of last time is used: its server does not answer.",
        "配置服务器没有应答，正使用上次获取的配置。",
    ),
    ("The state disk is full.", "状态盘已满。"),
    (
        "The config cannot be fetched; the machine runs with its last good one.",
        "无法获取配置；本机正使用上一次正确的配置运行。",
    ),
    (
        "The config cannot be fetched; the machine runs with what it found itself.",
        "无法获取配置；本机仅使用本地找到的配置运行。",
    ),
];
