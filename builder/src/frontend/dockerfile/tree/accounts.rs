//! *Accounts* are the users and groups that an image's `/etc/passwd` and `/etc/group` name.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::oci::tar::Owner;

/// Maximum number of names that an error lists.
const NAMED: usize = 5;

/// Users and groups by name. Of two lines with one name the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    users: BTreeMap<String, Owner>,
    groups: BTreeMap<String, GroupAccount>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct GroupAccount {
    gid: u32,
    members: Vec<String>,
}

/// User and groups that a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// User and primary group.
    pub owner: Owner,
    /// Further groups, in ascending order.
    pub groups: Vec<u32>,
}

/// Why a user or group cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccountError {
    /// There is no user of this name.
    #[error("there is no user `{name}` in /etc/passwd")]
    User {
        /// Name as written.
        name: String,
        /// Some names that exist, the most similar first.
        known: Vec<String>,
    },
    /// There is no group of this name.
    #[error("there is no group `{name}` in /etc/group")]
    Group {
        /// Name as written.
        name: String,
        /// Some names that exist, the most similar first.
        known: Vec<String>,
    },
    /// Not `USER`, `USER:GROUP` or `:GROUP`.
    #[error("`{0}` names no owner")]
    Malformed(String),
}

impl AccountError {
    /// Returns the help line.
    pub(crate) fn help(&self) -> String {
        let (noun, known) = match self {
            Self::User { known, .. } => ("users", known),
            Self::Group { known, .. } => ("groups", known),
            Self::Malformed(_) => return "write `USER`, `USER:GROUP` or numbers, `1001:0`".into(),
        };
        if known.is_empty() {
            return "the image names none; write numbers, for example `107:107`".into();
        }
        format!("write a number, or one of the image's {noun}, for example {}", known.join(", "))
    }
}

impl Accounts {
    /// Parses the texts of `/etc/passwd` and `/etc/group` (`man 5 passwd`, `man 5 group`).
    /// Malformed lines are skipped, as the C library does.
    pub fn parse(passwd: &str, group: &str) -> Self {
        let mut accounts = Self::default();
        for (name, owner) in passwd.lines().filter_map(parse_user) {
            accounts.users.entry(name.to_owned()).or_insert(owner);
        }
        for (name, group) in group.lines().filter_map(parse_group) {
            accounts.groups.entry(name.to_owned()).or_insert(group);
        }
        accounts
    }

    /// Returns a user and its primary group by the user's name.
    pub(crate) fn find_user(&self, name: &str) -> Option<Owner> {
        let root = (name == "root").then_some(Owner { uid: 0, gid: 0 });
        self.users.get(name).copied().or(root)
    }

    /// Returns the number of a group by its name.
    pub(crate) fn find_group(&self, name: &str) -> Option<u32> {
        let root = (name == "root").then_some(0);
        self.groups.get(name).map(|group| group.gid).or(root)
    }

    /// Parses the value of `--chown=USER[:GROUP]`: a number alone is user and group, a name alone
    /// is a user with its primary group, `:GROUP` has user 0 (moby/buildkit
    /// `solver/llbsolver/file/user_linux.go`, which takes 0 for unknown names).
    pub(crate) fn parse_owner(&self, text: &str) -> Result<Owner, AccountError> {
        let malformed = || AccountError::Malformed(text.to_owned());
        let (user, group) = match text.split_once(':') {
            Some((_, "")) => return Err(malformed()),
            Some((user, group)) => (user, Some(group)),
            None if text.is_empty() => return Err(malformed()),
            None => (text, None),
        };
        let owner = match (user, parse_id(user)) {
            ("", _) => Owner { uid: 0, gid: 0 },
            (_, Some(uid)) => Owner { uid, gid: uid },
            _ => self.find_user(user).ok_or_else(|| self.unknown_user(user))?,
        };
        let Some(group) = group else { return Ok(owner) };
        let gid = parse_id(group)
            .or_else(|| self.find_group(group))
            .ok_or_else(|| self.unknown_group(group))?;
        Ok(Owner { gid, ..owner })
    }

    /// Returns the identity that `USER user[:group]` runs programs as. A number need not be in the
    /// files; its group is then 0. With a group there are no further groups (moby/sys
    /// `user/user.go`, `GetExecUser`).
    pub fn find_identity(&self, text: &str) -> Result<UserIdentity, AccountError> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let named = self.users.get_key_value(user).or_else(|| {
            let uid = parse_id(user)?;
            self.users.iter().find(|(_, owner)| owner.uid == uid)
        });
        let root = Owner { uid: 0, gid: 0 };
        let owner = match (named, parse_id(user)) {
            (Some((_, owner)), _) => *owner,
            (None, Some(uid)) => Owner { uid, gid: 0 },
            (None, None) if matches!(user, "" | "root") => root,
            (None, None) => return Err(self.unknown_user(user)),
        };
        if !group.is_empty() {
            let gid = self
                .find_group(group)
                .or_else(|| parse_id(group))
                .ok_or_else(|| self.unknown_group(group))?;
            return Ok(UserIdentity { owner: Owner { gid, ..owner }, groups: Vec::new() });
        }
        let is_member = |group: &&GroupAccount| {
            named.is_some_and(|(name, _)| group.members.iter().any(|member| member == name))
        };
        let mut groups: Vec<u32> =
            self.groups.values().filter(is_member).map(|group| group.gid).collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(UserIdentity { owner, groups })
    }

    /// Returns the error for an unknown user.
    pub(crate) fn unknown_user(&self, name: &str) -> AccountError {
        AccountError::User { name: name.to_owned(), known: most_similar(name, self.users.keys()) }
    }

    /// Returns the error for an unknown group.
    pub(crate) fn unknown_group(&self, name: &str) -> AccountError {
        AccountError::Group { name: name.to_owned(), known: most_similar(name, self.groups.keys()) }
    }
}

/// Parses the user of a line: `name:password:uid:gid:…`.
fn parse_user(line: &str) -> Option<(&str, Owner)> {
    let fields: Vec<&str> = line.splitn(5, ':').collect();
    let [name, _, uid, gid, ..] = *fields else { return None };
    let owner = Owner { uid: parse_id(uid)?, gid: parse_id(gid)? };
    (!name.is_empty()).then_some((name, owner))
}

/// Parses the group of a line: `name:password:gid:member,member`.
fn parse_group(line: &str) -> Option<(&str, GroupAccount)> {
    let fields: Vec<&str> = line.splitn(4, ':').collect();
    let [name, _, gid, ref members @ ..] = *fields else { return None };
    let members = members.iter().flat_map(|list| list.split(','));
    let members = members.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let group = GroupAccount { gid: parse_id(gid)?, members: members.collect() };
    (!name.is_empty()).then_some((name, group))
}

/// Parses the number of a user or group. The largest means "no change" in system calls.
fn parse_id(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id != u32::MAX)
}

/// Returns some names, the most similar first.
fn most_similar<'n>(name: &str, known: impl Iterator<Item = &'n String>) -> Vec<String> {
    let mut known: Vec<&String> = known.collect();
    known.sort_by_cached_key(|other| (strsim::damerau_levenshtein(name, other), *other));
    known.into_iter().take(NAMED).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# no line\nqemu:x:107:36:::\n:x:1:1\n\
        app:x:1001:1002::/:\napp:x:7:7::/:\nbad:x:many:1::\nnone:x\nlarge:x:4294967295:1::\n";
    const GROUP: &str = "root:x:0:\nkvm:x:36:qemu, app\ndisk:x:6:qemu\napp:x:1002\nbad:x::\n";

    fn check(text: &str, expected: Result<(u32, u32), &str>) {
        let found = Accounts::parse(PASSWD, GROUP).parse_owner(text);
        let found = found.map(|o| (o.uid, o.gid)).map_err(|e| format!("{e}; {}", e.help()));
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn owners_are_numbers_or_names() {
        check("107", Ok((107, 107)));
        check("107:0", Ok((107, 0)));
        check("0:4294967294", Ok((0, 4_294_967_294)));
        check("qemu", Ok((107, 36)));
        check("qemu:disk", Ok((107, 6)));
        check("qemu:12", Ok((107, 12)));
        check("55:kvm", Ok((55, 36)));
        check("app", Ok((1001, 1002)));
        check(":kvm", Ok((0, 36)));
        let help = "write `USER`, `USER:GROUP` or numbers, `1001:0`";
        check("", Err(&format!("`` names no owner; {help}")));
        check("qemu:", Err(&format!("`qemu:` names no owner; {help}")));
        check(
            "qmeu",
            Err("there is no user `qmeu` in /etc/passwd; write a number, or one of the image's \
                 users, for example qemu, app, root"),
        );
        check(
            "4294967295:1",
            Err("there is no user `4294967295` in /etc/passwd; write a number, or one of the \
                 image's users, for example app, qemu, root"),
        );
        check(
            "app:bad",
            Err("there is no group `bad` in /etc/group; write a number, or one of the image's \
                 groups, for example app, kvm, disk, root"),
        );
    }

    #[test]
    fn root_needs_no_file() {
        let none = Accounts::default();
        assert_eq!(none.parse_owner("root:root"), Ok(Owner { uid: 0, gid: 0 }));
        let error = none.parse_owner("me").unwrap_err();
        assert_eq!(error.help(), "the image names none; write numbers, for example `107:107`");
    }

    #[test]
    fn programs_run_as_a_user_with_groups() {
        let check = |text: &str, uid, gid, groups: &[u32]| {
            let identity = UserIdentity { owner: Owner { uid, gid }, groups: groups.to_vec() };
            assert_eq!(Accounts::parse(PASSWD, GROUP).find_identity(text), Ok(identity), "{text}");
        };
        check("", 0, 0, &[]);
        check("root", 0, 0, &[]);
        check("qemu", 107, 36, &[6, 36]);
        check("107", 107, 36, &[6, 36]);
        check("1234", 1234, 0, &[]);
        check("qemu:disk", 107, 6, &[]);
        check("qemu:99", 107, 99, &[]);
        let accounts = Accounts::parse(PASSWD, GROUP);
        assert_eq!(accounts.find_identity("nobody"), Err(accounts.unknown_user("nobody")));
        assert_eq!(accounts.find_identity("1:nobody"), Err(accounts.unknown_group("nobody")));
    }
}
