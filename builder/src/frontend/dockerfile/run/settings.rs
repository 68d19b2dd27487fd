//! *Settings* of a shell, as `set -eux -o pipefail` and the words of SHELL make them.

/// The settings of a shell that are on; by default none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ShellSettings {
    bits: u8,
}

/// A setting of a shell; its value is its bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShellSetting {
    /// `-e`: a command that fails ends the script.
    Errexit = 1,
    /// `-u`: a parameter that is not set ends the script.
    Nounset = 2,
    /// `-f`: patterns are not replaced by paths.
    Noglob = 4,
    /// `-o pipefail`: a command that fails in front of a pipe fails the pipe.
    Pipefail = 8,
}

/// A word that is not a setting, or a setting that is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownSetting(pub(super) String);

impl ShellSettings {
    pub(super) fn has(self, setting: ShellSetting) -> bool {
        self.bits & setting as u8 != 0
    }

    fn set(&mut self, setting: ShellSetting, is_on: bool) {
        self.bits = if is_on { self.bits | setting as u8 } else { self.bits & !(setting as u8) };
    }

    /// Applies the words after `set`, or between a shell and its script.
    pub(super) fn apply(&mut self, words: &[String]) -> Result<(), UnknownSetting> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let unknown = || UnknownSetting(word.clone());
            let (is_on, letters) = match word.split_at_checked(1).ok_or_else(unknown)? {
                ("-", letters) => (true, letters),
                ("+", letters) => (false, letters),
                _ => return Err(unknown()),
            };
            if letters.is_empty() {
                return Err(unknown());
            }
            for letter in letters.chars() {
                let name = match letter {
                    'e' => "errexit",
                    'u' => "nounset",
                    'f' => "noglob",
                    'x' => "xtrace",
                    'v' => "verbose",
                    'o' => words.next().ok_or_else(unknown)?,
                    _ => return Err(unknown()),
                };
                match name {
                    "errexit" => self.set(ShellSetting::Errexit, is_on),
                    "nounset" => self.set(ShellSetting::Nounset, is_on),
                    "noglob" => self.set(ShellSetting::Noglob, is_on),
                    "pipefail" => self.set(ShellSetting::Pipefail, is_on),
                    // They affect only output.
                    "xtrace" | "verbose" => {}
                    _ => return Err(UnknownSetting(name.to_owned())),
                }
            }
        }
        Ok(())
    }

    /// Reads the command line that starts a shell for a script: `/bin/bash -eo pipefail -c`.
    pub(super) fn from_shell(shell: &[String]) -> Result<Self, UnknownSetting> {
        let mut settings = Self::default();
        let [program, options @ .., last] = shell else {
            return Err(UnknownSetting(shell.join(" ")));
        };
        if !is_shell(program) {
            return Err(UnknownSetting(program.clone()));
        }
        settings.apply(options)?;
        match last.strip_suffix('c') {
            Some("-") => {}
            Some(letters) if letters.starts_with('-') && !letters.contains('o') => {
                settings.apply(&[letters.to_owned()])?;
            }
            _ => return Err(UnknownSetting(last.clone())),
        }
        Ok(settings)
    }
}

/// Returns whether a program reads the language that is evaluated.
pub(super) fn is_shell(program: &str) -> bool {
    let name = ["/bin/", "/usr/bin/"].iter().find_map(|dir| program.strip_prefix(dir));
    matches!(name.unwrap_or(program), "sh" | "bash" | "dash" | "ash")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn shells_that_are_understood() {
        let check = |shell: &str, errexit, nounset| {
            let found = ShellSettings::from_shell(&words(shell)).unwrap();
            let has = |setting| found.has(setting);
            let pipefail = shell.contains("pipefail");
            assert_eq!(
                (
                    has(ShellSetting::Errexit),
                    has(ShellSetting::Nounset),
                    has(ShellSetting::Pipefail)
                ),
                (errexit, nounset, pipefail),
                "{shell}"
            );
            assert!(!has(ShellSetting::Noglob));
        };
        check("/bin/sh -c", false, false);
        check("/bin/bash -o pipefail -c", false, false);
        check("/bin/bash -euxo pipefail -c", true, true);
        check("bash -eu -o pipefail -c", true, true);
        check("/usr/bin/bash -ec", true, false);
    }

    #[test]
    fn shells_that_are_not() {
        let check = |shell: &str, culprit: &str| {
            assert_eq!(
                ShellSettings::from_shell(&words(shell)),
                Err(UnknownSetting(culprit.into())),
                "{shell}"
            );
        };
        check("/bin/zsh -c", "/bin/zsh");
        check("powershell -command", "powershell");
        check("/bin/sh", "/bin/sh");
        check("/bin/bash -lc", "-l");
        check("/bin/bash -o posix -c", "posix");
        check("/bin/bash -e", "-e");
        check("/bin/bash x -c", "x");
        check("/bin/bash -o", "-o");
        check("/bin/bash - -c", "-");
    }
}
