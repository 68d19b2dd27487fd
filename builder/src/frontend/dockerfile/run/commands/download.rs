//! `curl` and `wget` download a file. Nothing is downloaded before the layer is made.

use super::super::content::Content;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, parent_path};
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use super::mkdir;
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

const CURL_OPTIONS: &[KnownOption] = &[
    ("o", "output", OptionValue::Value),
    ("O", "remote-name", OptionValue::Nothing),
    ("L", "location", OptionValue::Nothing),
    ("f", "fail", OptionValue::Nothing),
    ("s", "silent", OptionValue::Nothing),
    ("S", "show-error", OptionValue::Nothing),
    ("", "progress-bar", OptionValue::Nothing),
    ("#", "", OptionValue::Nothing),
    ("g", "globoff", OptionValue::Nothing),
    ("k", "insecure", OptionValue::Nothing),
    ("", "fail-with-body", OptionValue::Nothing),
    ("", "no-progress-meter", OptionValue::Nothing),
    ("", "compressed", OptionValue::Nothing),
    ("C", "continue-at", OptionValue::Value),
    ("m", "max-time", OptionValue::Value),
    ("", "proto", OptionValue::Value),
    ("", "tlsv1.2", OptionValue::Nothing),
    ("", "http1.1", OptionValue::Nothing),
    ("", "retry-all-errors", OptionValue::Nothing),
    ("", "retry-connrefused", OptionValue::Nothing),
    ("", "retry-max-time", OptionValue::Value),
    ("", "retry", OptionValue::Value),
    ("", "retry-delay", OptionValue::Value),
    ("", "connect-timeout", OptionValue::Value),
    ("", "create-dirs", OptionValue::Nothing),
];

const WGET_OPTIONS: &[KnownOption] = &[
    ("O", "output-document", OptionValue::Value),
    ("q", "quiet", OptionValue::Nothing),
    ("", "no-verbose", OptionValue::Nothing),
    ("", "show-progress", OptionValue::Nothing),
    ("", "progress", OptionValue::Value),
    ("t", "tries", OptionValue::Value),
    ("T", "timeout", OptionValue::Value),
    ("P", "directory-prefix", OptionValue::Value),
    ("c", "continue", OptionValue::Nothing),
    ("", "no-clobber", OptionValue::Nothing),
    ("N", "timestamping", OptionValue::Nothing),
    ("", "no-check-certificate", OptionValue::Nothing),
    ("", "retry-connrefused", OptionValue::Nothing),
    ("", "waitretry", OptionValue::Value),
    ("", "no-hsts", OptionValue::Nothing),
    ("S", "server-response", OptionValue::Nothing),
];

pub(super) fn curl(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("curl", CURL_OPTIONS, words)?;
    refuse_insecure("curl", arguments.has("insecure"))?;
    let url = only_url("curl", &arguments.operands)?;
    let path = match (arguments.value("output"), arguments.has("remote-name")) {
        (Some(path), _) => path.to_owned(),
        (None, true) => remote_name(url)?,
        (None, false) => "-".to_owned(),
    };
    if arguments.has("create-dirs") && !parent_path(&path).is_empty() {
        let words = ["-p".to_owned(), "--".to_owned(), parent_path(&path).to_owned()];
        mkdir::mkdir(process, &words)?;
    }
    download(process, url, &path)
}

/// Refuses to ignore a certificate that is not valid.
fn refuse_insecure(command: &str, is_insecure: bool) -> Result<(), CommandRefusal> {
    if !is_insecure {
        return Ok(());
    }
    let message = format!("`{command}` is not evaluated without a check of certificates");
    Err(CommandRefusal::new(message).help("leave the option out, and trust the server's CA"))
}

pub(super) fn wget(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    // wget alone has options of several letters with one dash.
    let words: Vec<String> = words
        .iter()
        .map(|word| match word.as_str() {
            "-nv" => "--no-verbose".to_owned(),
            "-nc" => "--no-clobber".to_owned(),
            _ => word.clone(),
        })
        .collect();
    let arguments = CommandArguments::parse("wget", WGET_OPTIONS, &words)?;
    refuse_insecure("wget", arguments.has("no-check-certificate"))?;
    let url = only_url("wget", &arguments.operands)?;
    let path = match (arguments.value("output-document"), arguments.value("directory-prefix")) {
        (Some(path), _) => path.to_owned(),
        (None, Some(directory)) => format!("{directory}/{}", remote_name(url)?),
        (None, None) => remote_name(url)?,
    };
    if arguments.has("no-clobber") && process.exists(&path) {
        return Ok(CommandStatus::Success);
    }
    download(process, url, &path)
}

fn only_url<'w>(command: &str, operands: &'w [String]) -> Result<&'w str, CommandRefusal> {
    match operands {
        [url] if url.starts_with("https://") || url.starts_with("http://") => Ok(url),
        _ => {
            let message = format!("`{command}` is evaluated with one URL, of http or https");
            Err(CommandRefusal::new(message))
        }
    }
}

/// Returns the name of the file at a URL.
fn remote_name(url: &str) -> Result<String, CommandRefusal> {
    let location = SourceLocation::Url(url.to_owned());
    match location.file_name() {
        "" => Err(CommandRefusal::new("the URL has no file name; name the file with `-o` or `-O`")),
        _ if url.contains(['?', '%']) => {
            let message = "the name of the file is not certain; name it with `-o` or `-O`";
            Err(CommandRefusal::new(message))
        }
        name => Ok(name.to_owned()),
    }
}

fn download(
    process: &mut Process<'_>,
    url: &str,
    path: &str,
) -> Result<CommandStatus, CommandRefusal> {
    let mut source = SourceRecipe::new(SourceLocation::Url(url.to_owned()), SourceRole::File);
    source.origin = process.inputs.origin().cloned();
    let content = Content::Source(Box::new(source), None);
    let mut status = CommandStatus::default();
    if path == "-" {
        process.print(content)?;
    } else {
        status.record(process.write(path, content), || escaped(path))?;
    }
    Ok(status)
}
