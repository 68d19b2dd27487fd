//! docs/demo.svg is a picture of a terminal in which the program is really run: `make docs` draws
//! it anew.

use std::process::Command;

use diskette_integration::disk::qcow2_disk;
use diskette_integration::scene::{self, Scene};
use snapbox::{assert_data_eq, file};

/// What is typed.
const COMMANDS: [&str; 5] = [
    "ls",
    "diskette init --image quay.io/me/fedora",
    "diskette build --output oci:out --progress none",
    "diskette verify oci:out --progress none | tail -n 4",
    "diskette manifests vm oci:out --image quay.io/me/fedora:latest | head -n 9",
];

/// Of a character, in pixels.
const WIDTH: usize = 8;
const HEIGHT: usize = 19;

/// Around the text.
const MARGIN: usize = 20;

#[derive(Clone, Copy)]
enum Kind {
    Typed,
    Printed,
}

/// Runs the commands, and returns what is then seen.
fn lines() -> Vec<(Kind, String)> {
    let scene = Scene::new();
    scene.write("work/Fedora-Cloud-42.x86_64.qcow2", qcow2_disk(1, 300_000));
    scene.write("work/Fedora-Cloud-42.aarch64.qcow2", qcow2_disk(2, 300_000));
    let program = scene::program_path();
    let paths = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut lines = Vec::new();
    for command in COMMANDS {
        lines.push((Kind::Typed, command.to_owned()));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} 2>&1")]).current_dir(scene.path("work"));
        shell.env_clear().env("PATH", &paths).env("HOME", scene.path("home"));
        let output = shell.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}: {text}");
        lines.extend(text.lines().map(|line| (Kind::Printed, line.to_owned())));
    }
    lines
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn svg(lines: &[(Kind, String)]) -> String {
    let columns = lines.iter().map(|(_, line)| line.chars().count() + 2).max().unwrap_or_default();
    let (width, height) = (columns * WIDTH + 2 * MARGIN, (lines.len() + 2) * HEIGHT + MARGIN);
    let mut all = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" xml:space=\"preserve\">\n\
         <title>diskette builds an image of two disks, verifies it, and writes a virtual machine</title>\n\
         <style>text {{ font: 13px monospace; fill: #cdd6f4; white-space: pre; }} .typed {{ fill: #a6e3a1; font-weight: bold; }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"#1e1e2e\"/>\n"
    )];
    for (dot, color) in ["#f38ba8", "#f9e2af", "#a6e3a1"].into_iter().enumerate() {
        let x = MARGIN + dot * 20;
        all.push(format!("<circle cx=\"{x}\" cy=\"20\" r=\"6\" fill=\"{color}\"/>\n"));
    }
    for (number, (kind, line)) in lines.iter().enumerate() {
        let y = (number + 2) * HEIGHT + 14;
        let line = escape(line);
        all.push(match kind {
            Kind::Typed => {
                format!("<text x=\"{MARGIN}\" y=\"{y}\" class=\"typed\">$ {line}</text>\n")
            }
            Kind::Printed => format!("<text x=\"{MARGIN}\" y=\"{y}\">{line}</text>\n"),
        });
    }
    all.push("</svg>\n".into());
    all.concat()
}

#[test]
fn the_picture_is_what_is_seen() {
    assert_data_eq!(svg(&lines()), file!["../../../docs/demo.svg"]);
}
