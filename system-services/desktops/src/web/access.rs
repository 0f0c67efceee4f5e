//! What the page makes of a desktop, and who may do what with it.

use crate::told::{Desktop, State};
use crate::web::sessions::Who;
use crate::web::words::{Language, Word};

/// What somebody wants of a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// See it, and its screen.
    See,
    /// Use keyboard, mouse and clipboard.
    Touch,
    /// Start or stop it.
    Run,
    /// Make it as new.
    Reset,
    /// Read and write its files.
    Files,
}

impl Desktop {
    /// Whether somebody may do this: all with one's own desktops; a teacher sees and runs those of others, whose homes
    /// are theirs alone.
    pub(super) fn allows(&self, who: &Who, wish: Wish) -> bool {
        let is_own = self.tenant == who.name;
        is_own || (who.teacher && matches!(wish, Wish::See | Wish::Run))
    }

    /// What to call it.
    pub(super) fn title(&self, language: Language) -> &str {
        let (first, second) = match language {
            Language::English => (&self.title_en, &self.title),
            Language::Chinese => (&self.title, &self.title_en),
        };
        [first, second].into_iter().find(|title| !title.is_empty()).unwrap_or(&self.name)
    }

    /// How it is, in words.
    pub(super) fn state_words(&self, language: Language) -> String {
        let word = match self.state {
            State::Stopped => Word::Stopped,
            State::Waiting => match self.queue.filter(|place| *place > 0) {
                Some(place) => return Word::WaitingPlace.with(language, &[&place.to_string()]),
                None => Word::Waiting,
            },
            State::Starting => Word::Starting,
            State::Ready => Word::Ready,
            State::Stopping => Word::Stopping,
            State::Failed => Word::Failed,
        };
        word.in_language(language).to_owned()
    }

    /// Why it is so, if there is anything to say.
    pub(super) fn reason(&self, language: Language) -> String {
        let chinese = || self.why.chinese().filter(|_| language == Language::Chinese);
        chinese().unwrap_or_else(|| self.reason.clone())
    }

    /// Whether its screen can be shown.
    pub(super) fn is_visible(&self) -> bool {
        self.state == State::Ready && self.has_screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::{Reason, Why};

    fn who(name: &str, teacher: bool) -> Who {
        Who { name: name.to_owned(), teacher, csrf: String::new(), word: String::new() }
    }

    #[test]
    fn a_teacher_sees_and_runs_but_never_touches_what_is_not_theirs() {
        let desktop = Desktop { tenant: "alice".to_owned(), ..Desktop::default() };
        let allowed = |who: &Who| {
            [Wish::See, Wish::Touch, Wish::Run, Wish::Reset, Wish::Files]
                .map(|wish| desktop.allows(who, wish))
        };
        assert_eq!(allowed(&who("alice", false)), [true; 5]);
        assert_eq!(allowed(&who("bob", false)), [false; 5]);
        assert_eq!(allowed(&who("zhao", true)), [true, false, true, false, false]);
        assert_eq!(allowed(&who("alice", true)), [true; 5]);
    }

    #[test]
    fn a_desktop_is_told_of_in_the_readers_language() {
        let titled = Desktop { title_en: "C".to_owned(), name: "a".to_owned(), ..Desktop::default() };
        assert_eq!(titled.title(Language::Chinese), "C");
        let waiting = Desktop { state: State::Waiting, queue: Some(3), title_en: String::new(), ..titled };
        assert_eq!(waiting.state_words(Language::English), "Waiting, place 3 in the queue");
        assert_eq!(waiting.title(Language::English), "a");
        let why = Why::Ended.with(&[&1]);
        let failed = Desktop { reason: why.to_string(), why, ..waiting.clone() };
        assert_eq!(failed.reason(Language::English), "it ended with exit code 1");
        assert_eq!(failed.reason(Language::Chinese), "它已退出，退出码为 1");
        let unknown = Desktop { why: Reason::none(), ..failed };
        assert_eq!(unknown.reason(Language::Chinese), "it ended with exit code 1", "rather than nothing");
        let ready = Desktop { state: State::Ready, ..waiting };
        assert!(!ready.is_visible() && Desktop { has_screen: true, ..ready }.is_visible());
    }
}
