//! The PC's own screen shows Chinese, though the kernel's font has none; a serial line gets it as it is.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use qemu_tests::{Machine, Picture, READY, Vm};

/// More distinct characters than the screen's font has room for, then those that are looked for.
const CONFIG: &str = "#cloud-config
locale: zh_CN.UTF-8
runcmd:
  - echo 天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜
  - echo 金生丽水玉出昆冈剑号巨阙珠称夜光果珍李柰菜重芥姜海咸河淡鳞潜羽翔龙师火帝鸟官人皇
  - echo 始制文字乃服衣裳推位让国有虞陶唐吊民伐罪周发殷汤坐朝问道垂拱平章爱育黎首臣伏戎羌
  - echo 屏幕上的中文：课程“第一课”已就绪，共 128 人。
";
/// Rows of the bitmaps of GNU Unifont.
const LETTERS: [(&str, [u16; 16]); 2] = [
    (
        "中",
        [
            0x0100, 0x0100, 0x0100, 0x0100, 0x3ff8, 0x2108, 0x2108, 0x2108, 0x2108, 0x2108, 0x3ff8, 0x2108,
            0x0100, 0x0100, 0x0100, 0x0100,
        ],
    ),
    (
        "文",
        [
            0x0200, 0x0100, 0x0100, 0xfffe, 0x1010, 0x1010, 0x0820, 0x0820, 0x0440, 0x0280, 0x0100, 0x0280,
            0x0440, 0x0820, 0x3018, 0xc006,
        ],
    ),
];

#[test]
fn chinese_on_the_screen() -> Result<()> {
    let vm = Machine::new("chinese").config(CONFIG).append("console=tty0").display().start()?;
    vm.wait_ready(READY)?;
    for (letter, rows) in LETTERS {
        wait_until_shown(&vm, letter, &rows)?;
    }
    let console = vm.console();
    assert!(
        console.contains("屏幕上的中文：课程“第一课”已就绪，共 128 人。"),
        "the serial line lacks the text"
    );
    assert!(!console.contains("\u{f100}"), "the serial line shows numbers of glyphs");
    vm.poweroff()
}

/// The screen follows the text by a moment.
fn wait_until_shown(vm: &Vm, letter: &str, rows: &[u16; 16]) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !shows(&vm.screenshot("screen")?, rows) {
        if Instant::now() > deadline {
            bail!("{letter} is not on the screen; see out/test-logs/chinese-screen.png");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// Whether a bitmap stands in any of the text's cells, in two colours.
fn shows(picture: &Picture, rows: &[u16; 16]) -> bool {
    let mut cells =
        (0..picture.height / 16).flat_map(|y| (0..picture.width / 8 - 1).map(move |x| (8 * x, 16 * y)));
    cells.any(|at| shows_at(picture, at, rows))
}

fn shows_at(picture: &Picture, (left, top): (usize, usize), rows: &[u16; 16]) -> bool {
    let mut colours = [None, None];
    rows.iter().zip(top..).all(|(row, y)| {
        (0..16).all(|x| {
            let pixel = picture.pixel(left + x, y);
            let colour = &mut colours[usize::from(row >> (15 - x) & 1)];
            *colour.get_or_insert(pixel) == pixel
        })
    }) && colours[0] != colours[1]
}
