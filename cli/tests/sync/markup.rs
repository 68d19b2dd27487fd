//! Readers of Markdown, HTML and XML that are not this project's: cmark-gfm, which GitHub uses, and
//! Python's parsers.

use std::process::Command;

use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::Value;

fn by_python(program: &str, input: &str) -> Option<Value> {
    let python = peer::find("python3")?;
    let mut command: Command = python.command();
    command.args(["-c", program, input]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Prints the elements of a page, and the texts of the cells of its tables.
const READ_HTML: &str = "
import html.parser, json, sys
class Page(html.parser.HTMLParser):
    cells, tags, is_cell = [], [], False
    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.is_cell = tag in ('td', 'th')
        if self.is_cell: self.cells.append('')
    def handle_endtag(self, tag):
        self.is_cell = False
    def handle_data(self, data):
        if self.is_cell: self.cells[-1] += data.strip('\\n')
page = Page(); page.feed(sys.argv[1])
print(json.dumps({'cells': page.cells, 'tags': sorted(set(page.tags))}))";

/// Prints the cases of a report: name, element, kind, message, text.
const READ_XML: &str = "
import json, sys, xml.etree.ElementTree as tree
suite = tree.fromstring(sys.argv[1].encode()).find('testsuite')
cases = [[case.get('name')] + [x for bad in case for x in (bad.tag, bad.get('type'), bad.get('message'), bad.text)] for case in suite]
print(json.dumps({'suite': suite.attrib, 'cases': cases}))";

/// Returns the elements and the cells of a page of HTML.
pub(crate) fn read_html(page: &str) -> Option<Value> {
    by_python(READ_HTML, page)
}

/// Returns the elements and the cells of Markdown.
pub(crate) fn read_markdown(scene: &Scene, text: &[u8]) -> Option<Value> {
    let cmark = peer::find("cmark-gfm")?;
    let path = scene.write("page.md", text);
    let extensions = ["table", "autolink", "strikethrough", "tagfilter"];
    let mut args = vec!["--unsafe".to_owned()];
    args.extend(extensions.iter().flat_map(|it| ["-e".to_owned(), (*it).to_owned()]));
    args.push(path.display().to_string());
    read_html(&cmark.run(args))
}

/// Returns the suite and the cases of a report of `JUnit`.
pub(crate) fn read_junit(report: &str) -> Option<Value> {
    by_python(READ_XML, report)
}
