//! Why a desktop is as it is: parts, each a word and its values, so that the page can say them in its reader's language.
//! What others said, the engine or the desktop itself, is a value and stays as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($name:ident $code:literal: $english:literal, $chinese:literal;)*) => {
        /// A part of a reason, without its values.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Why { $(#[doc = $english] $name),* }

        /// All of them: the word for programs, English, Chinese.
        const TABLE: &[(Why, &str, &str, &str)] = &[$((Why::$name, $code, $english, $chinese)),*];
    };
}

reasons! {
    NoMemory "memory": "not enough memory: it needs about {} MB, and of {} MB that are free {} MB stay for the machine and {} MB for desktops that run; stop one, then start it again", "内存不足：此桌面约需 {} MB，而空闲的 {} MB 中，{} MB 留给主机，{} MB 留给正在运行的桌面；请先关闭一个桌面，再启动此桌面";
    Guess "guess": "it waits until it is known what those use", "正在等待确认这些桌面的实际用量";
    Crowded "crowded": "another desktop has filled what all screens share", "另一个桌面占满了所有屏幕共用的空间";
    NoCourse "course": "there is no course {} in the config any more", "配置中已没有课程 {}";
    Changed "changed": "its description or its image has changed: it is made anew when it is started the next time", "它的设置或镜像已更改，下次启动时将重新创建";
    IdleSeconds "idle-seconds": "it was stopped: nobody looked at it for {} s", "已自动关闭：{} 秒内无人查看";
    IdleMinutes "idle-minutes": "it was stopped: nobody looked at it for {} minutes", "已自动关闭：{} 分钟内无人查看";
    IdleHours "idle-hours": "it was stopped: nobody looked at it for {} hours", "已自动关闭：{} 小时内无人查看";
    ByEngine "by-engine": "it was stopped by the engine, not by `dockos desktop`", "它是由引擎关闭的，并非通过 `dockos desktop`";
    FilledScreen "filled-screen": "it was stopped: it filled the folder of its screen, which is in the machine's memory", "已被关闭：它占满了自己的屏幕目录，而该目录位于主机内存中";
    UsedUp "used-up": "it used up its {} MB of memory", "它用尽了 {} MB 内存";
    Ended "ended": "it ended with exit code {}", "它已退出，退出码为 {}";
    LastWords "last-words": "its last words: {}", "最后的输出：{}";
    Times "times": "that is {} times in a row", "已连续发生 {} 次";
    Again "again": "it is started again in {} s", "{} 秒后重新启动";
    ToFetch "to-fetch": "image {} is to be fetched", "等待获取镜像 {}";
    Fetched "fetched": "image {} is fetched", "正在获取镜像 {}";
    FetchedPart "fetched-part": "image {} is fetched: {} of {} MB of a layer", "正在获取镜像 {}：当前层 {} / {} MB";
    FetchedNot "fetched-not": "image {} was fetched and is not there", "镜像 {} 已获取，却找不到";
    Unfetched "unfetched": "image {} is not there and cannot be fetched ({}); put its archive into /var/lib/dockos/images/ or run `docker load`, or see that the machine reaches its registry", "没有镜像 {}，也无法获取（{}）；请将其归档放入 /var/lib/dockos/images/，或运行 `docker load`，或检查主机能否访问镜像仓库";
    Silent "silent": "image {} is not there and cannot be fetched (nothing came for {} s); put its archive into /var/lib/dockos/images/ or run `docker load`, or see that the machine reaches its registry", "没有镜像 {}，也无法获取（{} 秒内没有收到数据）；请将其归档放入 /var/lib/dockos/images/，或运行 `docker load`，或检查主机能否访问镜像仓库";
    Alien "alien": "image {} is for {}, and this machine is {}: get it for this one", "镜像 {} 适用于 {}，而本机为 {}：请获取适用于本机的镜像";
    NoScreen "no-screen": "image {} has no X server: nothing answered", "镜像 {} 没有可用的 X 服务器：没有应答";
    ScreenSilent "screen-silent": "it takes connections and says nothing within {} s", "它接受连接，但 {} 秒内没有任何响应";
    ScreenEnds "screen-ends": "it takes connections and ends them: {}", "它接受连接后随即断开：{}";
    ScreenOther "screen-other": "what listens there is no VNC server", "在那里监听的不是 VNC 服务器";
    ScreenFault "screen-fault": "{}", "无法连接其屏幕：{}";
    Folder "folder": "make {}: {}", "无法创建 {}：{}";
    Network "network": "network {} is there and is not the one of this tenant; remove it with `docker network rm {}`", "网络 {} 已存在，但不属于此用户；请用 `docker network rm {}` 删除";
    NoIds "no-ids": "{}: no ids of tenants in it", "{}：其中没有用户的编号";
    LetGo "let-go": "the engine let go of a program", "引擎没有等待程序的输出";
    NoAnswer "no-answer": "the desktop did not answer within {} s", "桌面在 {} 秒内没有响应";
    EngineAway "engine-away": "the user Docker does not answer: {}", "引擎没有响应：{}";
    Engine "engine": "{}", "引擎报告：{}";
}

impl Why {
    /// With what stands in the holes of the sentence, in their order.
    pub(crate) fn with(self, values: &[&dyn fmt::Display]) -> Reason {
        let (_, code, ..) = TABLE[self as usize];
        let values = values.iter().map(ToString::to_string).collect();
        Reason(vec![Part { code: code.to_owned(), values }])
    }
}

/// A part of a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    code: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

/// A reason: nothing, or parts that belong together. Its text is English.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Reason(Vec<Part>);

impl Reason {
    /// Where there is nothing to say.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// And what more there is to say.
    pub(crate) fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    /// In Chinese; `None` where there is nothing to say, or something that this program does not know.
    pub(crate) fn chinese(&self) -> Option<String> {
        let parts: Option<Vec<String>> = self.0.iter().map(|part| part.said(|row| row.3)).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("；"))
    }
}

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        why.with(&[])
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().filter_map(|part| part.said(|row| row.2)).collect();
        f.write_str(&parts.join("; "))
    }
}

impl Part {
    fn said(
        &self,
        language: fn(&(Why, &'static str, &'static str, &'static str)) -> &'static str,
    ) -> Option<String> {
        let row = TABLE.iter().find(|(_, code, ..)| *code == self.code)?;
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        Some(filled(language(row), &values))
    }
}

/// A sentence with something in the place of each `{}`.
pub(crate) fn filled(sentence: &str, values: &[&str]) -> String {
    let mut parts = sentence.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        text.push_str(values.get(at).copied().unwrap_or_default());
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        let mut codes = std::collections::BTreeSet::new();
        for (at, (why, code, english, chinese)) in TABLE.iter().enumerate() {
            assert_eq!(*why as usize, at, "{code}");
            assert!(codes.insert(code), "{code} is there twice");
            assert_eq!(english.matches("{}").count(), chinese.matches("{}").count(), "{code}: values");
            let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(is_chinese(chinese) && !is_chinese(english), "{code}");
        }
    }

    #[test]
    fn a_reason_is_said_in_both_languages_with_the_engines_own_words() {
        let words = Why::Engine.with(&[&"no space {} left"]);
        let reason = words.and(Why::Times.with(&[&6]));
        assert_eq!(reason.to_string(), "no space {} left; that is 6 times in a row");
        assert_eq!(reason.chinese().unwrap(), "引擎报告：no space {} left；已连续发生 6 次");
        assert_eq!((Reason::none().to_string(), Reason::none().chinese()), (String::new(), None));
    }

    #[test]
    fn a_reason_goes_as_json_and_another_version_may_know_more() {
        let reason = Why::Ended.with(&[&1]).and(Why::ByEngine);
        let text = serde_json::to_string(&reason).unwrap();
        assert_eq!(text, r#"[{"code":"ended","values":["1"]},{"code":"by-engine"}]"#);
        assert_eq!(serde_json::from_str::<Reason>(&text).unwrap(), reason);
        let newer: Reason = serde_json::from_str(r#"[{"code":"eaten","values":["x"],"by":1}]"#).unwrap();
        assert_eq!(newer.chinese(), None);
        let short: Reason = serde_json::from_str(r#"[{"code":"ended"}]"#).unwrap();
        assert_eq!(short.to_string(), "it ended with exit code ");
    }
}
