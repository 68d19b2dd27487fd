//! The *commands*, one file each: its arguments, whose doc comments are the help, and its function
//! `run`. What several of them share is in other modules.

mod attest;
mod auth;
mod build;
mod bundle;
mod completions;
mod copy;
mod delete;
mod diff;
mod digest;
mod docs;
mod doctor;
mod extract;
mod foreign;
mod gc;
mod index;
mod init;
mod inspect;
mod login;
mod logout;
mod man;
mod manifests;
mod promote;
mod prune;
mod pull;
mod push;
mod referrers;
mod releases;
mod results;
mod sbom;
mod schema;
mod sign;
mod sync;
mod tag;
mod tags;
mod vddk;
mod verify;

use clap::builder::Styles;
use clap::{Parser, Subcommand, ValueEnum as _};

pub(crate) use self::completions::complete_words;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::ui::{MessageFormat, Ui, message};

/// Put virtual-machine disks into container images that KubeVirt boots and CDI imports.
///
/// No daemon, no root, no temporary copy: every byte is read once, compressed in parallel, and the
/// same input gives the same digest everywhere.
#[derive(Debug, Parser)]
#[command(name = "diskette", version, propagate_version = true, max_term_width = 100)]
#[command(styles = Styles::plain())]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 75 temporary failure, \
         130/143 stopped.")]
pub(crate) struct Arguments {
    /// Format of errors and warnings; github also annotates the pull request
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        global = true,
        hide_possible_values = true
    )]
    pub(crate) message_format: MessageFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::InitArguments),
    Build(Box<build::BuildArguments>),
    Vddk(Box<vddk::VddkArguments>),
    Push(Box<push::PushArguments>),
    Pull(Box<pull::PullArguments>),
    Copy(Box<copy::CopyArguments>),
    Bundle(bundle::BundleArguments),
    Tag(Box<tag::TagArguments>),
    Tags(Box<tags::TagsArguments>),
    Digest(Box<digest::DigestArguments>),
    Referrers(Box<referrers::ReferrersArguments>),
    Sign(Box<sign::SignArguments>),
    Attest(Box<attest::AttestArguments>),
    Delete(Box<delete::DeleteArguments>),
    Prune(Box<prune::PruneArguments>),
    Gc(gc::GcArguments),
    Index(index::IndexArguments),
    Sync(Box<sync::SyncArguments>),
    Results(results::ResultsArguments),
    Promote(Box<promote::PromoteArguments>),
    Docs(Box<docs::DocsArguments>),
    Releases(Box<releases::ReleasesArguments>),
    Inspect(Box<inspect::InspectArguments>),
    Sbom(Box<sbom::SbomArguments>),
    Extract(Box<extract::ExtractArguments>),
    Diff(Box<diff::DiffArguments>),
    Verify(Box<verify::VerifyArguments>),
    Manifests(Box<manifests::ManifestsArguments>),
    Doctor(Box<doctor::DoctorArguments>),
    Login(Box<login::LoginArguments>),
    Logout(logout::LogoutArguments),
    Auth(auth::AuthArguments),
    Schema(schema::SchemaArguments),
    Completions(completions::CompletionsArguments),
    Man(man::ManArguments),
}

impl Arguments {
    /// Parses the command line. Exits after a message of clap's own, such as a help text; options
    /// of other programs are explained.
    pub(crate) fn parse_command_line() -> Result<Self, CommandError> {
        let stripped = foreign::strip_options(std::env::args_os());
        let parsed = Self::try_parse_from(stripped.words).inspect(|arguments| {
            message::set_format(arguments.message_format);
            stripped.notes.iter().for_each(|note| message::print_note(note));
        });
        parsed.map_err(|error| {
            if !error.use_stderr() {
                // A help text, or the version.
                error.exit();
            }
            message::set_format(requested_format());
            match foreign::explain_option(&error) {
                Some(diagnostic) => CommandError::Usage(diagnostic),
                None => CommandError::CommandLine(error.render().to_string()),
            }
        })
    }
}

/// Returns the value of `--message-format` on a command line that has an error.
fn requested_format() -> MessageFormat {
    let words: Vec<String> = std::env::args().collect();
    let option = "--message-format";
    let value =
        words.iter().enumerate().find_map(|(number, word)| match word.strip_prefix(option) {
            Some("") => words.get(number + 1).cloned(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        });
    value
        .and_then(|value| MessageFormat::from_str(&value, false).ok())
        .unwrap_or(MessageFormat::Text)
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self, environment: &Environment, ui: &Ui) -> Result<(), CommandError> {
        match self {
            Self::Init(it) => init::run(it, ui),
            Self::Build(it) => build::run(it, environment, ui),
            Self::Vddk(it) => vddk::run(it, environment, ui),
            Self::Push(it) => push::run(it, environment, ui),
            Self::Pull(it) => pull::run(it, environment, ui),
            Self::Copy(it) => copy::run(it, environment, ui),
            Self::Bundle(it) => bundle::run(it, environment, ui),
            Self::Tag(it) => tag::run(it, environment, ui),
            Self::Tags(it) => tags::run(it, environment, ui),
            Self::Digest(it) => digest::run(it, environment, ui),
            Self::Referrers(it) => referrers::run(it, environment, ui),
            Self::Sign(it) => sign::run(it, environment, ui),
            Self::Attest(it) => attest::run(it, environment, ui),
            Self::Delete(it) => delete::run(it, environment, ui),
            Self::Prune(it) => prune::run(it, environment, ui),
            Self::Gc(it) => gc::run(it, ui),
            Self::Index(it) => index::run(it, environment, ui),
            Self::Sync(it) => sync::run(it, environment, ui),
            Self::Results(it) => results::run(it, environment, ui),
            Self::Promote(it) => promote::run(it, environment, ui),
            Self::Docs(it) => docs::run(it, environment, ui),
            Self::Releases(it) => releases::run(it, environment, ui),
            Self::Inspect(it) => inspect::run(it, environment, ui),
            Self::Sbom(it) => sbom::run(it, environment, ui),
            Self::Extract(it) => extract::run(it, environment, ui),
            Self::Diff(it) => diff::run(it, environment, ui),
            Self::Verify(it) => verify::run(it, environment, ui),
            Self::Manifests(it) => manifests::run(it, environment, ui),
            Self::Doctor(it) => doctor::run(it, environment, ui),
            Self::Login(it) => login::run(it, environment, ui),
            Self::Logout(it) => logout::run(it, environment, ui),
            Self::Auth(it) => auth::run(it, environment, ui),
            Self::Schema(_) => schema::run(ui),
            Self::Completions(it) => completions::run(it, ui),
            Self::Man(it) => man::run(it),
        }
    }
}
