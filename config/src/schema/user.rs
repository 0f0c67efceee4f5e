//! Users and groups, as in cloud-init.

use super::refused;
use crate::decode::{Decode, Problems, keys, mapping};
use crate::shape::{Shape, Word};
use crate::value::{AbsPath, Account, AccountId, Accounts, AuthorizedKey, Gecos, PasswordHash, Sudo};
use crate::yaml::{Kind, Node};

keys! {
    /// A user of the machine. `root` is there already; an item of that name changes how it logs in.
    @refused(refused::USER)
    pub struct User {
        /// The name to log in with.
        pub name: Account,
        /// The full name.
        pub gecos: Option<Gecos>,
        /// Groups it belongs to besides its own: a list, or a text with commas.
        @add
        pub groups: Accounts,
        /// Its own group.
        @default("a new one of the user's name")
        pub primary_group: Option<Account>,
        /// What is started when it logs in.
        @default("/bin/sh")
        pub shell: Option<AbsPath>,
        /// Its folder.
        @default("/home/NAME")
        pub homedir: Option<AbsPath>,
        /// Leave its folder alone.
        pub no_create_home: bool,
        /// A user of a service: a number below 1000, and no folder.
        pub system: bool,
        /// The hash of its password; a password itself is refused.
        @secret
        pub passwd: Option<PasswordHash>,
        /// The same by cloud-init's other name; one of both can be set.
        @secret
        pub hashed_passwd: Option<PasswordHash>,
        /// No login with the password, whatever it is.
        @default("true")
        pub lock_passwd: Option<bool>,
        /// Public keys that may log in by ssh. `.ssh/authorized_keys` is written anew at each boot: a key that is taken
        /// out of the config opens nothing any more.
        @add
        pub ssh_authorized_keys: Vec<AuthorizedKey>,
        /// What it may do as others: a rule of sudo, a list of them, or `false`. The image has no sudo yet.
        @later
        @default("false")
        pub sudo: Sudo,
        /// Its number.
        @default("the next one that is free, from 1000")
        pub uid: Option<AccountId>,
    }
}

impl User {
    /// The hash of its password, by either of its keys.
    pub fn password(&self) -> Option<&PasswordHash> {
        self.passwd.as_ref().or(self.hashed_passwd.as_ref())
    }

    /// Whether it can log in with a password.
    pub fn unlocked(&self) -> bool {
        self.lock_passwd == Some(false) && self.password().is_some()
    }
}

/// An item of `users`.
#[derive(Clone, Debug, PartialEq)]
pub enum UserItem {
    /// `default`: cloud-init's word for the user that the image comes with. That is root, with or without it.
    Default,
    /// A user.
    User(Box<User>),
}

impl UserItem {
    /// The user it describes, if any.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Default => None,
            Self::User(user) => Some(user),
        }
    }
}

impl Decode for UserItem {
    const SHAPE: &'static Shape = &Shape::OneOf(&[
        User::SHAPE,
        &Shape::Choice(&[Word {
            word: "default",
            doc: "The user that the image comes with: root, who is there in any case.\n",
            default: false,
        }]),
    ]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(text) if text == "default" => Some(Self::Default),
            Kind::Scalar(_) => {
                problems.kind(
                    node,
                    "`default` or a mapping",
                    "write `- name: alice`, and further keys below it",
                );
                None
            }
            _ => User::decode(node, problems).map(|user| Self::User(Box::new(user))),
        }
    }
}

/// A group of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: Account,
    /// Users who belong to it.
    pub members: Accounts,
}

impl Decode for Group {
    const SHAPE: &'static Shape =
        &Shape::OneOf(&[Account::SHAPE, &Shape::Map { key: Account::SHAPE, value: Accounts::SHAPE }]);

    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Scalar(_) = node.kind {
            return Account::decode(node, problems).map(|name| Self { name, members: Accounts::default() });
        }
        let [entry] = mapping(node, problems)? else {
            problems.add(
                node.mark,
                "an item names exactly one group",
                "write each group after a `- ` of its own",
            );
            return None;
        };
        let name = Account::decode(&entry.key_node(), problems);
        let members = match entry.value.kind {
            Kind::Null => Some(Accounts::default()),
            _ => Accounts::decode(&entry.value, problems),
        };
        Some(Self { name: name?, members: members? })
    }
}
