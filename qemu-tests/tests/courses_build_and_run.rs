//! Each course by its student's hands: log in on the page, start the desktop, build and run the example in its IDE, type
//! Chinese; what the screen shows is read.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
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
    /// Runs what was built, beside the screen, and expects it to print this.
    Prints(&'static str, &'static str),
}
use Step::{Click, Keys, Pinyin, Press, Prints, See, Window};

/// Everybody's first steps: a text in Chinese, in the terminal.
const CHINESE: &[Step] = &[
    Keys("cat > note.txt\n"),
    Pinyin("nihao "),
    Keys("\n"),
    Press("Control+d"),
    Prints("until [ -s note.txt ]; do sleep 0.2; done; cat note.txt", "你好"),
];

const COURSES: &[Course] = &[
    Course {
        name: "c",
        title: "程序设计入门 C",
        limits: "memory: 1G",
        steps: &[
            Keys("codeblocks c/hello/hello.cbp &\n"),
            Window("[hello] - Code::Blocks"),
            Click(600.0, 400.0),
            Press("F9"),
            See("Process returned 0"),
            Prints("c/hello/bin/Debug/hello", "Hello, world! 你好，世界！"),
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
            Prints("cpp/hello/bin/Debug/hello", "Hello, world! 你好，世界！"),
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
            // Of its console's title, "<terminated> Hello [Java Application]", what is not read as something else now and
            // then.
            See("terminated"),
            Prints("java -cp $(dirname $(find ~ -name Hello.class)) Hello", "你好，世界"),
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
fn compiled_courses() -> Result<()> {
    build_and_run("courses", &["c", "cpp", "python"])
}

#[test]
fn java_courses() -> Result<()> {
    build_and_run("courses-java", &["java", "java-web"])
}

/// One course after the other, on one machine; all that fail are told.
fn build_and_run(machine: &str, names: &[&str]) -> Result<()> {
    let courses: Vec<_> = COURSES.iter().filter(|course| names.contains(&course.name)).collect();
    ensure!(courses.len() == names.len(), "there are no such courses: {names:?}");
    let disk = Store::of_desktops(names, 16 << 30)?.disk(machine)?;
    let vm =
        Machine::new(machine).cpus(2).config(config(&courses)).disk(&disk).memory(3072).reach(443).start()?;
    vm.wait_ready(BOOT)?;
    let browser = Browser::start()?;
    let mut failed = Vec::new();
    for course in courses {
        let start = Instant::now();
        if let Err(error) = attend(&vm, &browser, course) {
            failed.push(format!("{}: {error:#}", course.name));
        }
        eprintln!("{}: {:.0} s", course.name, start.elapsed().as_secs_f64());
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    vm.poweroff()?;
    disk.check_state()
}

fn config(courses: &[&Course]) -> String {
    let lines = |line: fn(&Course) -> String| courses.iter().map(|course| line(course)).collect::<String>();
    format!(
        "#cloud-config
dockos:
  courses:{}
  desktops:{}
  web:
    users:{}
",
        lines(|course| format!("\n    {0}: {{ image: dockos/{0}, {1} }}", course.name, course.limits)),
        lines(|course| format!(
            "\n    - {{ name: {0}, tenant: {0}, course: {0}, start: demand }}",
            course.name
        )),
        lines(|course| format!("\n      - {{ name: {}, hashed_passwd: '{PASSWORD_HASH}' }}", course.name)),
    )
}

fn attend(vm: &Vm, browser: &Browser, Course { name, title, steps, .. }: &Course) -> Result<()> {
    let student = Person::log_in(browser, vm.port(443)?, name, "zh-CN")?;
    student.page.wait_text(title, STEP)?;
    student.order(name, "start")?;
    student.wait_state(name, "ready", STEP)?;
    student.open(name, STEP)?;
    student.terminal(vm, name, STEP)?;
    for step in CHINESE.iter().chain(*steps) {
        take(vm, &student, name, step)?;
    }
    student.list()?;
    student.order(name, "stop")?;
    student.wait_state(name, "stopped", STEP)?;
    student.page.close()
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
        Prints(command, text) => {
            let printed = vm.inside(desktop, command)?;
            ensure!(printed.stdout.trim() == *text, "{command}: {printed:?}");
            Ok(())
        }
    }
}
