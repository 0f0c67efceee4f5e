//! What the page says, in each language. Why a desktop is as it is, is in `reason.rs`.

use crate::reason::filled;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// English.
    English,
    /// Chinese, simplified.
    Chinese,
}

impl Language {
    /// As in `lang=` and in the cookie.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The language of a code.
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The one that a browser likes best (`Accept-Language`); English where it likes neither.
    pub(super) fn liked(header: &str) -> Self {
        let weight = |item: &str| {
            let quality =
                item.split(';').nth(1).and_then(|part| part.trim().strip_prefix("q=")?.parse().ok());
            quality.filter(|q: &f32| q.is_finite()).unwrap_or(1.0)
        };
        let primary = |item: &str| {
            let tag = item.split([';', '-', '_']).next().unwrap_or_default();
            Self::of(&tag.trim().to_ascii_lowercase())
        };
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',').take(32) {
            if let Some(language) = primary(item)
                && best.is_none_or(|(q, _)| weight(item) > q)
            {
                best = Some((weight(item), language));
            }
        }
        best.map_or(Self::English, |(_, language)| language)
    }

    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// Something that the page says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Word { $($name),* }

        /// All of it.
        pub(super) const TABLE: &[(Word, &str, &str, &str)] =
            &[$((Word::$name, stringify!($name), $english, $chinese)),*];
    };
}

words! {
    Desktops: "Desktops", "桌面";
    OtherLanguage: "中文", "English";
    LogIn: "Log in", "登录";
    LogOut: "Log out", "退出登录";
    UserName: "User name", "用户名";
    Password: "Password", "密码";
    LoginHint: "Log in to reach your desktop.", "登录后即可使用你的桌面。";
    WrongLogin: "The name or the password is wrong.", "用户名或密码错误。";
    WaitLogin: "Too many wrong tries. Try again in {} s.", "错误次数过多，请在 {} 秒后重试。";
    BusyLogin: "Many people are logging in right now. Try again in a moment.", "登录的人较多，请稍后再试。";
    StaleForm: "This page was open for too long. Please try again.", "页面打开时间过长，请重试。";
    Welcome: "Welcome, {}", "欢迎你，{}";
    LinkHint: "This link logs you in once.", "此链接仅可登录一次。";
    LinkOpen: "Open my desktops", "打开我的桌面";
    LinkOver: "This link has been used already, or its time is over. Ask for a new one.", "此链接已被使用或已过期，请索取新的链接。";
    MyDesktops: "My desktops", "我的桌面";
    AllDesktops: "All desktops", "全部桌面";
    Search: "Search by name, course or person", "按名称、课程或学生搜索";
    NoDesktop: "There is no desktop for you yet. Ask your teacher for one.", "目前还没有你的桌面，请联系老师。";
    NoMatch: "No desktop matches.", "没有符合条件的桌面。";
    Stopped: "Off", "已关闭";
    Waiting: "Waiting", "排队中";
    WaitingPlace: "Waiting, place {} in the queue", "排队中，第 {} 位";
    Starting: "Starting", "启动中";
    Ready: "Ready", "已就绪";
    Stopping: "Stopping", "正在关闭";
    Failed: "Failed", "失败";
    NoScreen: "This desktop has no screen.", "此桌面没有屏幕。";
    Open: "Open", "打开";
    View: "View", "观看";
    Start: "Start", "启动";
    Stop: "Stop", "关闭";
    Reset: "Reset", "重置";
    Files: "Files", "文件";
    Cancel: "Cancel", "取消";
    ResetQuestion: "Reset {}?", "重置“{}”？";
    ResetHint: "Its programs end, and everything outside of the home folder becomes as new. The files in the home folder stay.", "其中的程序将结束，主文件夹以外的内容将恢复原样。主文件夹中的文件会保留。";
    MemoryOf: "Memory {} of {} MB", "内存 {} / {} MB";
    Viewers: "{} viewing", "{} 人正在观看";
    PictureOf: "Picture of {}", "{}的画面";
    Away: "The desktop service does not answer. Trying again…", "桌面服务没有响应，正在重试…";
    NotYours: "This desktop is somebody else's.", "这是别人的桌面。";
    NotFound: "There is no such page.", "没有这个页面。";
    NoSuchDesktop: "There is no such desktop.", "没有这个桌面。";
    Refused: "This request was refused: it does not come from this page. Load the page again.", "请求被拒绝：它并非来自本页面，请重新加载。";
    BadRequest: "This request cannot be understood.", "无法理解此请求。";
    Back: "Back to the desktops", "返回桌面列表";
    Connecting: "Connecting…", "正在连接…";
    Lost: "The connection was lost", "连接已断开";
    Stalled: "The desktop does not answer", "桌面没有响应";
    AgainIn: "Connecting again in {} s", "{} 秒后重新连接";
    AgainNow: "Connect now", "立即连接";
    IsOff: "This desktop is off", "桌面已关闭";
    IsStarting: "The desktop is starting…", "桌面正在启动…";
    IsFailed: "The desktop could not start", "桌面未能启动";
    LoggedOut: "You have been logged out", "你已退出登录";
    ViewOnly: "View only", "仅观看";
    Watching: "{} is watching", "{} 正在观看";
    TextPanel: "Text", "文本";
    TextHint: "Write here with your own input method and insert it where the desktop's cursor is. What is copied in the desktop appears here.", "可在此用自己的输入法输入文字，再插入到桌面光标处。在桌面中复制的内容也会显示在这里。";
    Insert: "Insert", "插入";
    InsertV: "With Ctrl+V", "用 Ctrl+V 插入";
    CopyOut: "Copy", "复制";
    Copied: "Copied", "已复制";
    FullScreen: "Full screen", "全屏";
    HideBar: "Hide the bar", "隐藏工具栏";
    ShowBar: "Show the bar", "显示工具栏";
    Home: "Home", "主文件夹";
    Up: "Up one folder", "上一级";
    Upload: "Upload files", "上传文件";
    DropHint: "or drop them here", "或拖放到此处";
    EmptyFolder: "This folder is empty.", "此文件夹为空。";
    RowsOf: "{} to {} of {}", "第 {} 至 {} 项，共 {} 项";
    NextRows: "Next", "下一页";
    FromFirst: "From the first", "回到第一页";
    TooManyFiles: "There are more files than can be listed here. Put some into folders.", "文件过多，此处无法全部列出，请将部分文件移入子文件夹。";
    Name: "Name", "名称";
    Size: "Size", "大小";
    Modified: "Changed", "修改时间";
    Uploaded: "Uploaded", "上传完成";
    UploadFailed: "Not uploaded", "上传失败";
    Canceled: "Canceled", "已取消";
    FilesOff: "Files can be reached while the desktop runs. Start it first.", "桌面运行时才能访问文件，请先启动桌面。";
    HomeFull: "There is no room left in the home folder. Delete something, then try again.", "主文件夹空间已满，请删除一些文件后重试。";
    NotDone: "That did not work: {}", "操作未成功：{}";
    NoRoom: "There is not enough room in the home folder: the file has {}, and {} are free. Delete something, then try again.", "主文件夹空间不足：文件大小为 {}，剩余空间为 {}。请删除一些文件后重试。";
    NoMemory: "There is not enough memory for this desktop now. Try again when another one has been stopped.", "当前内存不足，无法启动此桌面。请在其他桌面关闭后重试。";
    DiskFull: "The machine's disk is full. Tell your teacher.", "主机磁盘空间已满，请告知老师。";
    DesktopBusy: "The desktop can run nothing more now. Close some programs in it, or stop and start it.", "桌面当前无法再运行程序，请关闭其中一些程序，或将桌面关闭后重新启动。";
    NoCourse: "The course of this desktop is not in the config. Tell your teacher.", "配置中没有此桌面所属的课程，请告知老师。";
    BeingDeleted: "This desktop is being deleted.", "此桌面正在删除中。";
    NoHome: "This desktop has no home folder.", "此桌面没有主文件夹。";
    FileTooLong: "This file is too large.", "文件过大。";
    BadPath: "A name or path like this cannot be used.", "此名称或路径不可用。";
    FileDenied: "This may not be read or written here.", "此处不允许读写。";
    FileIsFolder: "There is a folder of this name.", "此名称是一个文件夹。";
    NoSuchFile: "There is no such file or folder.", "没有此文件或文件夹。";
    CutOff: "Not all of the file arrived, so nothing was kept. Try again.", "文件未完整上传，未保存任何内容，请重试。";
    TransferBusy: "Too many transfers at once. Wait until one is done.", "同时传输的文件过多，请等待其中一个完成。";
    OrderBusy: "Too much at once. Wait a moment and try again.", "操作过于频繁，请稍候再试。";
    Unreachable: "The machine cannot be reached. Trying again…", "无法连接到主机，正在重试…";
    Close: "Close", "关闭面板";
}

impl Word {
    /// The words in a language.
    pub(super) fn in_language(self, language: Language) -> &'static str {
        let (_, _, english, chinese) = TABLE[self as usize];
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// The same, with something in the place of each `{}`.
    pub(super) fn with(self, language: Language, values: &[&str]) -> String {
        filled(self.in_language(language), values)
    }
}

/// All words as JSON, for the scripts.
pub(super) fn json(language: Language) -> String {
    let words: std::collections::BTreeMap<_, _> =
        TABLE.iter().map(|(word, name, _, _)| (*name, word.in_language(language))).collect();
    serde_json::to_string(&words).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for (at, (word, name, english, chinese)) in TABLE.iter().enumerate() {
            assert_eq!(*word as usize, at, "{name}");
            assert!(!english.trim().is_empty() && !chinese.trim().is_empty(), "{name}");
            let holes = |text: &str| text.matches("{}").count();
            assert_eq!(holes(english), holes(chinese), "{name}: values");
            if *word != Word::OtherLanguage {
                assert!(is_chinese(chinese) || *word == Word::MemoryOf && is_chinese(chinese), "{name}");
                assert!(!is_chinese(english), "{name}");
            }
        }
    }

    #[test]
    fn scripts_use_only_words_that_there_are() {
        for (file, text) in [
            ("list.js", include_str!("../../assets/list.js")),
            ("screen.js", include_str!("../../assets/screen.js")),
            ("files.js", include_str!("../../assets/files.js")),
        ] {
            for part in text.split("words.").skip(1) {
                let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
                let known = TABLE.iter().any(|(_, known, _, _)| *known == name);
                assert!(known, "{file}: words.{name}");
            }
        }
    }

    #[test]
    fn the_browsers_favourite_is_taken() {
        for (header, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-US,en;q=0.9,zh;q=0.8", Language::English),
            ("fr, zh;q=0.5, en;q=0.4", Language::Chinese),
            ("zh;q=0.1, en", Language::English),
            ("", Language::English),
            ("fr", Language::English),
            ("zh;q=NaN,,;;=", Language::Chinese),
        ] {
            assert_eq!(Language::liked(header), language, "{header}");
        }
    }

    #[test]
    fn values_are_put_in() {
        assert_eq!(Word::MemoryOf.with(Language::English, &["1", "2"]), "Memory 1 of 2 MB");
        assert_eq!(Word::MemoryOf.with(Language::English, &[]), "Memory  of  MB");
    }
}
