//! Each course by its student's hands: log in on the page, start the desktop, build and run the example in its IDE, type
//! Chinese; what the screen shows is read.

use std::time::Duration;

use anyhow::{Context as _, Result};
use qemu_tests::{Browser, Machine, PASSWORD_HASH, Person, SCREEN, Store, Vm};

struct Course {
    /// The image, the desktop's name, and its tenant's.
    name: &'static str,
    /// Its title, on the list.
    title: &'static str,
    /// What it needs.
    limits: &'static str,
    /// What its student does, from a terminal on.
    steps: &'static [Step],
}

enum Step {
    /// Types on the keyboard, and by the input method.
    Keys(&'static str),
    Pinyin(&'static str),
    /// Presses keys together.
    Press(&'static str),
    /// Clicks a place of the screen.
    Click(f64, f64),
    /// Waits for a window by its title.
    Window(&'static str),
    /// Waits until a text can be read on the screen: one that is nowhere before what it shows has happened.
    See(&'static str),
}
use Step::{Click, Keys, Pinyin, Press, See, Window};

const COURSES: &[Course] = &[
    Course {
        name: "c",
        title: "程序设计入门 C",
        limits: "memory: 1G",
        steps: &[
            Keys("cat > note.txt\n"),
            Pinyin("nihao "),
            Keys("\n"),
            Press("Control+d"),
            // Two characters and the line's end.
            Keys("wc -m note.txt\n"),
            See("3 note.txt"),
            Keys("codeblocks c/hello/hello.cbp &\n"),
            Window("[hello] - Code::Blocks"),
            Click(600.0, 400.0),
            Press("F9"),
            See("Process returned 0"),
        ],
    },
    Course {
        name: "cpp",
        title: "程序设计入门 C++",
        limits: "memory: 1G",
        steps: &[
            Keys("codeblocks cpp/hello/hello.cbp &\n"),
            Window("[hello] - Code::Blocks"),
            Click(600.0, 400.0),
            Press("F9"),
            See("Process returned 0"),
        ],
    },
    Course {
        name: "python",
        title: "Python 程序设计",
        limits: "memory: 1G",
        steps: &[
            Keys("cd python; thonny hello.py &\n"),
            Window("hello.py"),
            // Its shell runs: before that, there is nothing to run the program.
            See("Python 3"),
            Click(600.0, 400.0),
            Press("F5"),
            See("6 x 7 = 42"),
            Click(600.0, 640.0),
            Pinyin("nihao "),
            Keys("\n"),
            See("Hello, 你好"),
        ],
    },
    Course {
        name: "java",
        title: "Java 程序设计",
        limits: "memory: 1G",
        steps: &[
            Keys("eclipse &\n"),
            Window("Hello/src/Hello.java - Eclipse"),
            Click(600.0, 400.0),
            Press("Control+F11"),
            See("Hello [Java Application]"),
        ],
    },
    Course {
        name: "java-web",
        title: "Java Web 开发",
        limits: "memory: 1536M, shm: 256M",
        steps: &[
            Keys("tomcat open\n"),
            Window("你好，Java Web — Mozilla Firefox"),
            Click(200.0, 262.0),
            Keys("Alice\n"),
            Window("问好 — Mozilla Firefox"),
            See("Alice"),
        ],
    },
];

/// The screen, beside the bar of its page.
const SIZE: (f64, f64) = (1280.0, 760.0);
/// How long a boot, and a step, may take, emulated.
const BOOT: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_secs(240);

#[test]
fn c() -> Result<()> {
    builds_and_runs("c")
}

#[test]
fn cpp() -> Result<()> {
    builds_and_runs("cpp")
}

#[test]
fn python() -> Result<()> {
    builds_and_runs("python")
}

#[test]
fn java() -> Result<()> {
    builds_and_runs("java")
}

#[test]
fn java_web() -> Result<()> {
    builds_and_runs("java-web")
}

fn builds_and_runs(name: &str) -> Result<()> {
    let course = COURSES.iter().find(|course| course.name == name).context("no such course")?;
    let machine = format!("course-{name}");
    let disk = Store::of_desktops(&[name], 16 << 30)?.disk(&machine)?;
    let vm = Machine::new(&machine).config(config(course)).disk(&disk).memory(3072).reach(443).start()?;
    vm.wait_ready(BOOT)?;
    let browser = Browser::start()?;
    let student = Person::log_in(&browser, vm.port(443)?, name, "zh-CN")?;
    work(&vm, &student, course)?;
    vm.poweroff()?;
    disk.check_state()
}

fn config(Course { name, limits, .. }: &Course) -> String {
    format!(
        "#cloud-config
dockos:
  courses: {{ {name}: {{ image: dockos/{name}, {limits} }} }}
  desktops: [ {{ name: {name}, tenant: {name}, course: {name}, start: demand }} ]
  web: {{ users: [ {{ name: {name}, hashed_passwd: '{PASSWORD_HASH}' }} ] }}
"
    )
}

fn work(vm: &Vm, student: &Person, Course { name, title, steps, .. }: &Course) -> Result<()> {
    student.list()?;
    student.page.wait_text(title, STEP)?;
    student.order(name, "start")?;
    student.wait_state(name, "ready", STEP)?;
    student.open(name, STEP)?;
    student.terminal(vm, name, STEP)?;
    for step in *steps {
        take(vm, student, name, step)?;
    }
    student.list()?;
    student.order(name, "stop")?;
    student.wait_state(name, "stopped", STEP)
}

fn take(vm: &Vm, student: &Person, desktop: &str, step: &Step) -> Result<()> {
    match step {
        Keys(text) => student.page.type_text(text),
        Pinyin(text) => {
            student.page.press("Control+Space")?;
            student.page.type_text(text)?;
            student.page.press("Control+Space")
        }
        Press(keys) => student.page.press(keys),
        Click(x, y) => student.page.click_in(SCREEN, SIZE, (*x, *y), 1),
        Window(title) => vm.wait_window(desktop, title, STEP).map(drop),
        See(text) => student.wait_seen(&format!("course-{desktop}"), text, STEP),
    }
}
