#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of inputs and what is said of them"
)]

use std::sync::Arc;

use diskette_builder::frontend::spec;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText, Span};
use snapbox::{IntoData, assert_data_eq, str};

use super::{Color, Severity, render};

/// Compares all that is said of a spec.
fn check(text: &str, expected: impl IntoData) {
    let source = Arc::new(SourceText { name: "diskette.yaml".into(), text: text.into() });
    let problems = spec::load(&source).unwrap_err();
    let rendered: Vec<String> =
        problems.iter().map(|problem| render(problem, Severity::Error, Color::Plain)).collect();
    assert_data_eq!(rendered.join("\n\n") + "\n", expected.raw());
}

#[test]
fn text_that_is_not_yaml() {
    check(
        "",
        str![[r#"
error: `diskette.yaml` holds no spec
 |
 = help: the shortest one is `{apiVersion: diskette/v1, platforms: {linux/amd64: {disk: my.qcow2}}}`

"#]],
    );
    check(
        r"# only a comment
---
",
        str![[r#"
error: `diskette.yaml` holds no spec
 |
 = help: the shortest one is `{apiVersion: diskette/v1, platforms: {linux/amd64: {disk: my.qcow2}}}`

"#]],
    );
    check(
        "apiVersion: diskette/v1\nplatforms:\n\tamd64: {disk: a}\n",
        str![[r#"
error: a tab is used to indent
 --> diskette.yaml:3:2
  |
3 |     amd64: {disk: a}
  |     ^
  |
  = help: YAML is indented with spaces only

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: 'quay.io/me/fedora
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: this quote is never closed
 --> diskette.yaml:2:8
  |
2 | image: 'quay.io/me/fedora
  |        ^
  |
  = help: close it on the same line; inside single quotes, a single quote is doubled

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
image: "quay.io/me/fedora
"#,
        str![[r#"
error: this quote is never closed
 --> diskette.yaml:2:8
  |
2 | image: "quay.io/me/fedora
  |        ^
  |
  = help: close it on the same line; inside single quotes, a single quote is doubled

"#]],
    );
    check(
        r"apiVersion: diskette/v1
env: {A: 'it, B: c}
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: this quote is never closed
 --> diskette.yaml:2:10
  |
2 | env: {A: 'it, B: c}
  |          ^
  |
  = help: close it on the same line; inside single quotes, a single quote is doubled

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: quay.io/me: fedora
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: a `:` cannot stand here
 --> diskette.yaml:2:18
  |
2 | image: quay.io/me: fedora
  |                  ^
  |
  = help: is the line indented like its neighbours? is a `:` missing on the line before? text that holds `: ` is put in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: quay.io/me/fedora
  tags: [a]
",
        str![[r#"
error: a `:` cannot stand here
 --> diskette.yaml:3:7
  |
3 |   tags: [a]
  |       ^
  |
  = help: is the line indented like its neighbours? is a `:` missing on the line before? text that holds `: ` is put in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image quay.io/me/fedora
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: a `:` is missing
 --> diskette.yaml:2:1
  |
2 | image quay.io/me/fedora
  | ^
  |
  = help: write `key: value`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}
",
        str![[r#"
error: this bracket is never closed
 --> diskette.yaml:2:12
  |
2 | platforms: {amd64: {disk: a.qcow2}
  |            ^
  |
  = help: add the closing `]` or `}`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
tags: [a, b
platforms: {amd64: {disk: a}}
",
        str![[r#"
error: a `:` cannot stand here
 --> diskette.yaml:3:10
  |
3 | platforms: {amd64: {disk: a}}
  |          ^
  |
  = help: is a `]` or `}` missing on a line before?

"#]],
    );
    check(
        r"apiVersion: diskette/v1
tags: a]
image: ]
",
        str![[r#"
error: this bracket closes nothing
 --> diskette.yaml:3:8
  |
3 | image: ]
  |        ^
  |
  = help: remove it, or put the text in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: @me/fedora
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: text cannot begin with `@`
 --> diskette.yaml:2:8
  |
2 | image: @me/fedora
  |        ^
  |
  = help: put it in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: `me`
",
        str![[r#"
error: text cannot begin with a backtick
 --> diskette.yaml:2:8
  |
2 | image: `me`
  |        ^
  |
  = help: put it in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: *me
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: this refers to an anchor that does not exist
 --> diskette.yaml:2:8
  |
2 | image: *me
  |        ^
  |
  = help: `*name` repeats what is marked `&name` further up; text that begins with `*` is put in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
image: !repository me
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: tags have no meaning in a spec
 --> diskette.yaml:2:20
  |
2 | image: !repository me
  |                    ^^
  |
  = help: remove the `!…`; text that begins with `!` is put in quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
<<: {image: me}
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: merge keys are not supported
 --> diskette.yaml:2:1
  |
2 | <<: {image: me}
  | ^^
  |
  = help: what is written at the top of the spec holds for all platforms; no `<<` is needed

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
image: "a\qb"
platforms: {amd64: {disk: a.qcow2}}
"#,
        str![[r#"
error: an unknown escape after `\`
 --> diskette.yaml:2:8
  |
2 | image: "a\qb"
  |        ^
  |
  = help: in double quotes write `\\` for a backslash, or use single quotes

"#]],
    );
    check(
        r"apiVersion: diskette/v1
tags: &t [*t]
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: this repeats itself without end
 --> diskette.yaml:2:11
  |
2 | tags: &t [*t]
  |           ^^
  |
  = help: an anchor cannot hold its own alias

"#]],
    );
    check(
        r"apiVersion: diskette/v1
tags: !!int x
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: the value is not of the kind its tag says
 --> diskette.yaml:2:13
  |
2 | tags: !!int x
  |             ^
  |
  = help: remove the `!!…` tag

"#]],
    );
    check(
        r"apiVersion: diskette/v1
tags:
- a
b
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: a `:` is missing
 --> diskette.yaml:4:1
  |
4 | b
  | ^
  |
  = help: write `key: value`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
  image: a
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: a `:` cannot stand here
 --> diskette.yaml:2:8
  |
2 |   image: a
  |        ^
  |
  = help: is the line indented like its neighbours? is a `:` missing on the line before? text that holds `: ` is put in quotes

"#]],
    );
    check(
        r"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        str![[r#"
error: this bracket is never closed
 --> diskette.yaml:1:100
  |
1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
  |                                                                                                    ^
  |
  = help: add the closing `]` or `}`

"#]],
    );
    check(
        r"a: &a [x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]
",
        str![[r#"
error: the file grows too large when its aliases are written out
 --> diskette.yaml:5:8
  |
5 | e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]
  |        ^^
  |
  = help: a spec needs few values; write them out, without `&` and `*`

"#]],
    );
    check(
        "\u{feff}apiVersion: diskette/v1\nimage: 'me\n",
        str![[r#"
error: this quote is never closed
 --> diskette.yaml:2:8
  |
2 | image: 'me
  |        ^
  |
  = help: close it on the same line; inside single quotes, a single quote is doubled

"#]],
    );
    check(
        "apiVersion: diskette/v1\r\nplatforms: {amd64: {disk: a.qcow2}}\r\nimage: \"me\r\n",
        str![[r#"
error: this quote is never closed
 --> diskette.yaml:3:8
  |
3 | image: "me
  |        ^
  |
  = help: close it on the same line; inside single quotes, a single quote is doubled

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
---
apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: [me
",
        str![[r#"
error: this bracket is never closed
 --> diskette.yaml:6:8
  |
6 | image: [me
  |        ^
  |
  = help: add the closing `]` or `}`

"#]],
    );
}

#[test]
fn values_of_the_wrong_kind() {
    check(
        "just text\n",
        str![[r#"
error: expected a mapping, found text
 --> diskette.yaml:1:1
  |
1 | just text
  | ^^^^^^^^^
  |
  = help: write a mapping as `key: value` lines

"#]],
    );
    check(
        "- apiVersion: diskette/v1\n",
        str![[r#"
error: expected a mapping, found a list
 --> diskette.yaml:1:1
  |
1 | - apiVersion: diskette/v1
  | ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write a mapping as `key: value` lines

"#]],
    );
    check(
        "42\n",
        str![[r#"
error: expected a mapping, found a number
 --> diskette.yaml:1:1
  |
1 | 42
  | ^^
  |
  = help: write a mapping as `key: value` lines

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: [quay.io/me/fedora]
",
        str![[r#"
error: expected text, found a list
 --> diskette.yaml:3:8
  |
3 | image: [quay.io/me/fedora]
  |        ^^^^^^^^^^^^^^^^^^^
  |
  = help: only one value may stand here

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
tags: [42, latest]
",
        str![[r#"
error: expected text, found a number
 --> diskette.yaml:4:8
  |
4 | tags: [42, latest]
  |        ^^
  |
  = help: quote it: `"42"`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
tags: latest
",
        str![[r#"
error: expected a list, found text
 --> diskette.yaml:4:7
  |
4 | tags: latest
  |       ^^^^^^
  |
  = help: write a list as `[a, b]`, or each item on a line after `- `

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
tags:
- v1.5
- 1.10
-
",
        str![[r#"
error: expected text, found a number
 --> diskette.yaml:6:3
  |
6 | - 1.10
  |   ^^^^
  |
  = help: quote it: `"1.10"`

error: expected text, found nothing
 --> diskette.yaml:7:2
  |
7 | -
  |  ^
  |
  = help: write a value, or remove it

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
tags: 42
",
        str![[r#"
error: expected a list, found a number
 --> diskette.yaml:4:7
  |
4 | tags: 42
  |       ^^
  |
  = help: write a list as `[a, b]`, or each item on a line after `- `

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image:
",
        str![[r#"
error: `image` has no value
 --> diskette.yaml:3:1
  |
3 | image:
  | ^^^^^
  |
  = help: write one after the colon, indent the lines below it, or remove the key

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
env: {DEBUG: true, LEVEL: 3, EMPTY: }
",
        str![[r#"
error: expected text, found true or false
 --> diskette.yaml:3:14
  |
3 | env: {DEBUG: true, LEVEL: 3, EMPTY: }
  |              ^^^^
  |
  = help: quote it: `"true"`

error: expected text, found a number
 --> diskette.yaml:3:27
  |
3 | env: {DEBUG: true, LEVEL: 3, EMPTY: }
  |                           ^
  |
  = help: quote it: `"3"`

error: `EMPTY` has no value
 --> diskette.yaml:3:30
  |
3 | env: {DEBUG: true, LEVEL: 3, EMPTY: }
  |                              ^^^^^
  |
  = help: write one after the colon, indent the lines below it, or remove the key

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
env: [DEBUG=1]
",
        str![[r#"
error: expected a mapping, found a list
 --> diskette.yaml:3:6
  |
3 | env: [DEBUG=1]
  |      ^^^^^^^^^
  |
  = help: write a mapping as `key: value` lines

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
labels:
  1: a
  ? [a]
  : b
",
        str![[r#"
error: expected text as a key, found a number
 --> diskette.yaml:4:3
  |
4 |   1: a
  |   ^
  |
  = help: quote it: `"1"`

error: expected text as a key, found a list
 --> diskette.yaml:5:5
  |
5 |   ? [a]
  |     ^^^
  |
  = help: only one value may stand here

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
annotations: {revision: 0x1F, size: 1e999}
",
        str![[r#"
error: expected text, found a number
 --> diskette.yaml:3:25
  |
3 | annotations: {revision: 0x1F, size: 1e999}
  |                         ^^^^
  |
  = help: quote it: `"0x1F"`

error: expected text, found a number
 --> diskette.yaml:3:37
  |
3 | annotations: {revision: 0x1F, size: 1e999}
  |                                     ^^^^^
  |
  = help: quote it: `"1e999"`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: u1.medium
",
        str![[r#"
error: expected a mapping, found text
 --> diskette.yaml:3:11
  |
3 | kubevirt: u1.medium
  |           ^^^^^^^^^
  |
  = help: write a mapping as `key: value` lines

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {labels: {kubevirt.io/dynamic-credentials-support: true}}
",
        str![[r#"
error: expected text, found true or false
 --> diskette.yaml:3:62
  |
3 | kubevirt: {labels: {kubevirt.io/dynamic-credentials-support: true}}
  |                                                              ^^^^
  |
  = help: quote it: `"true"`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: {path: /boot/vmlinuz, source: vmlinuz}
",
        str![[r#"
error: expected a list, found a mapping
 --> diskette.yaml:3:8
  |
3 | files: {path: /boot/vmlinuz, source: vmlinuz}
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write a list as `[a, b]`, or each item on a line after `- `

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: [vmlinuz]
",
        str![[r#"
error: expected a mapping, found text
 --> diskette.yaml:3:9
  |
3 | files: [vmlinuz]
  |         ^^^^^^^
  |
  = help: write a mapping as `key: value` lines

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: [linux/amd64]
",
        str![[r#"
error: the platforms have no disks
 --> diskette.yaml:2:1
  |
2 | platforms: [linux/amd64]
  | ^^^^^^^^^
  |
  = help: write `platforms: {linux/amd64: {disk: …}}`, or add a `release`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {linux/amd64: fedora.qcow2}
",
        str![[r#"
error: expected a mapping, found text
 --> diskette.yaml:2:26
  |
2 | platforms: {linux/amd64: fedora.qcow2}
  |                          ^^^^^^^^^^^^
  |
  = help: write `{disk: fedora.qcow2}`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  linux/amd64:
",
        str![[r#"
error: `linux/amd64` has no value
 --> diskette.yaml:3:3
  |
3 |   linux/amd64:
  |   ^^^^^^^^^^^
  |
  = help: write one after the colon, indent the lines below it, or remove the key

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {386: {disk: a.qcow2}}
",
        str![[r#"
error: expected text as a key, found a number
 --> diskette.yaml:2:13
  |
2 | platforms: {386: {disk: a.qcow2}}
  |             ^^^
  |
  = help: quote it: `"386"`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: [a.qcow2, b.qcow2]
",
        str![[r#"
error: expected text, found a list
 --> diskette.yaml:4:11
  |
4 |     disk: [a.qcow2, b.qcow2]
  |           ^^^^^^^^^^^^^^^^^^
  |
  = help: only one value may stand here

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: 42
",
        str![[r#"
error: expected text, found a number
 --> diskette.yaml:4:11
  |
4 |     disk: 42
  |           ^^
  |
  = help: quote it: `"42"`

"#]],
    );
    check(
        "\u{feff}apiVersion: 1\r\nplatforms: {amd64: {disk: a.qcow2}}\r\n",
        str![[r#"
error: expected text, found a number
 --> diskette.yaml:1:14
  |
1 | ﻿apiVersion: 1
  |             ^
  |
  = help: quote it: `"1"`

"#]],
    );
}

#[test]
fn keys() {
    check(
        "platforms: {amd64: {disk: a.qcow2}}\n",
        str![[r#"
error: the spec has no `apiVersion`
 --> diskette.yaml:1:1
  |
1 | platforms: {amd64: {disk: a.qcow2}}
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: `apiVersion: diskette/v1` says how to read the file

"#]],
    );
    check(
        r"apiVersion: diskette/v2
platform: {}
",
        str![[r#"
error: unknown version `diskette/v2`
 --> diskette.yaml:1:13
  |
1 | apiVersion: diskette/v2
  |             ^^^^^^^^^^^
  |
  = help: this program reads `diskette/v1`

"#]],
    );
    check(
        r"apiVersion: v1
kind: Pod
spec: {}
",
        str![[r#"
error: unknown version `v1`
 --> diskette.yaml:1:13
  |
1 | apiVersion: v1
  |             ^^
  |
  = help: this program reads `diskette/v1`

"#]],
    );
    check(
        r"apiversion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: unknown key `apiversion` in the spec
 --> diskette.yaml:1:1
  |
1 | apiversion: diskette/v1
  | ^^^^^^^^^^
  |
  = help: did you mean `apiVersion`?

"#]],
    );
    check(
        "apiVersion: diskette/v1\n",
        str![[r#"
error: the spec has no `platforms`
 --> diskette.yaml:1:1
  |
1 | apiVersion: diskette/v1
  | ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: name what the disk runs on: `platforms: {linux/amd64: {disk: …}}`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platform: {amd64: {disk: a.qcow2}}
",
        str![[r#"
error: unknown key `platform` in the spec
 --> diskette.yaml:2:1
  |
2 | platform: {amd64: {disk: a.qcow2}}
  | ^^^^^^^^
  |
  = help: did you mean `platforms`?

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {}
",
        str![[r#"
error: nothing is listed here
 --> diskette.yaml:2:12
  |
2 | platforms: {}
  |            ^^
  |
  = help: at least one entry is needed

"#]],
    );
    check(
        r"apiVersion: diskette/v1
disk: a.qcow2
",
        str![[r#"
error: the spec has no `platforms`
 --> diskette.yaml:1:1
  |
1 | apiVersion: diskette/v1
  | ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: name what the disk runs on: `platforms: {linux/amd64: {disk: …}}`

error: unknown key `disk` in the spec
 --> diskette.yaml:2:1
  |
2 | disk: a.qcow2
  | ^^^^
  |
  = help: it is a key of a platform

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
lables: {a: b}
",
        str![[r#"
error: unknown key `lables` in the spec
 --> diskette.yaml:3:1
  |
3 | lables: {a: b}
  | ^^^^^^
  |
  = help: did you mean `labels`?

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
author: me
",
        str![[r#"
error: unknown key `author` in the spec
 --> diskette.yaml:3:1
  |
3 | author: me
  | ^^^^^^
  |
  = help: known keys: apiVersion, image, tags, platforms, release, policy, docs, kubevirt, files, env, labels, annotations

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: a
image: b
",
        str![[r#"
error: `image` is given twice
 --> diskette.yaml:4:1
  |
4 | image: b
  | ^^^^^
  |
  = help: the first is on line 3; keep one of them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
env: {A: a, B: b, A: c}
",
        str![[r#"
error: `A` is given twice
 --> diskette.yaml:3:19
  |
3 | env: {A: a, B: b, A: c}
  |                   ^
  |
  = help: the first is on line 3; keep one of them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disc: a.qcow2}}
",
        str![[r#"
error: unknown key `disc` in a platform
 --> diskette.yaml:2:21
  |
2 | platforms: {amd64: {disc: a.qcow2}}
  |                     ^^^^
  |
  = help: did you mean `disk`?

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64: {env: {A: b}}
",
        str![[r#"
error: a platform has no `disk`
 --> diskette.yaml:3:3
  |
3 |   amd64: {env: {A: b}}
  |   ^^^^^
  |
  = help: add `disk:` with the path of the disk

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: a.qcow2
    image: me
",
        str![[r#"
error: unknown key `image` in a platform
 --> diskette.yaml:5:5
  |
5 |     image: me
  |     ^^^^^
  |
  = help: it is a key of the spec

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64: {disk: a.qcow2}
  amd64: {disk: b.qcow2}
",
        str![[r#"
error: `amd64` is given twice
 --> diskette.yaml:4:3
  |
4 |   amd64: {disk: b.qcow2}
  |   ^^^^^
  |
  = help: the first is on line 3; keep one of them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {instanceType: u1.medium, prefrence: fedora}
",
        str![[r#"
error: unknown key `instanceType` in `kubevirt`
 --> diskette.yaml:3:12
  |
3 | kubevirt: {instanceType: u1.medium, prefrence: fedora}
  |            ^^^^^^^^^^^^
  |
  = help: did you mean `instancetype`?

error: unknown key `prefrence` in `kubevirt`
 --> diskette.yaml:3:37
  |
3 | kubevirt: {instanceType: u1.medium, prefrence: fedora}
  |                                     ^^^^^^^^^
  |
  = help: did you mean `preference`?

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: [{path: /boot/vmlinuz}, {source: vmlinuz}]
",
        str![[r#"
error: a file has no `source`
 --> diskette.yaml:3:9
  |
3 | files: [{path: /boot/vmlinuz}, {source: vmlinuz}]
  |         ^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add `source:` with the path of the content

error: a file has no `path`
 --> diskette.yaml:3:32
  |
3 | files: [{path: /boot/vmlinuz}, {source: vmlinuz}]
  |                                ^^^^^^^^^^^^^^^^^
  |
  = help: add `path:` with the file's place in the image

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {sha256: abc}
",
        str![[r#"
error: neither `path` nor `url` is given
 --> diskette.yaml:4:5
  |
4 |     disk: {sha256: abc}
  |     ^^^^
  |
  = help: say where the content comes from: `path: …` or `url: …`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {file: a.qcow2}
",
        str![[r#"
error: neither `path` nor `url` is given
 --> diskette.yaml:4:5
  |
4 |     disk: {file: a.qcow2}
  |     ^^^^
  |
  = help: say where the content comes from: `path: …` or `url: …`

error: unknown key `file` in a source
 --> diskette.yaml:4:12
  |
4 |     disk: {file: a.qcow2}
  |            ^^^^
  |
  = help: it is a key of `release` and of a platform's `release`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, checksum: abc}
",
        str![[r#"
error: unknown key `checksum` in a source
 --> diskette.yaml:4:27
  |
4 |     disk: {path: a.qcow2, checksum: abc}
  |                           ^^^^^^^^
  |
  = help: known keys: path, url, sha256, sha512, unpack, name, convert, compress

"#]],
    );
}

#[test]
fn names() {
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
tags: [a]
",
        str![[r#"
error: `tags` without `image`
 --> diskette.yaml:3:1
  |
3 | tags: [a]
  | ^^^^
  |
  = help: add `image:` with the repository, or name the image with `-t` alone

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: ''
",
        str![[r#"
error: `image` is empty
 --> diskette.yaml:3:8
  |
3 | image: ''
  |        ^^
  |
  = help: write a repository like `quay.io/me/fedora`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: quay.io/me/fedora:42
",
        str![[r#"
error: `image` has a tag
 --> diskette.yaml:3:8
  |
3 | image: quay.io/me/fedora:42
  |        ^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `image: quay.io/me/fedora` and `tags: ["42"]`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: localhost:5000/me/fedora:42
",
        str![[r#"
error: `image` has a tag
 --> diskette.yaml:3:8
  |
3 | image: localhost:5000/me/fedora:42
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `image: localhost:5000/me/fedora` and `tags: ["42"]`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: quay.io/me/fedora@sha256:0000000000000000000000000000000000000000000000000000000000000000
",
        str![[r#"
error: `image` has a digest
 --> diskette.yaml:3:8
  |
3 | image: quay.io/me/fedora@sha256:0000000000000000000000000000000000000000000000000000000000000000
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `quay.io/me/fedora`: the digest follows from what is built

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: docker://quay.io/me/fedora
",
        str![[r#"
error: an image name does not begin with `docker://`
 --> diskette.yaml:3:8
  |
3 | image: docker://quay.io/me/fedora
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `quay.io/me/fedora`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: quay.io/Me/Fedora
",
        str![[r#"
error: `quay.io/Me/Fedora` is not a repository
 --> diskette.yaml:3:8
  |
3 | image: quay.io/Me/Fedora
  |        ^^^^^^^^^^^^^^^^^
  |
  = help: repositories are lower case: `quay.io/me/fedora`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: quay.io/me/fe dora
",
        str![[r#"
error: `quay.io/me/fe dora` is not a repository
 --> diskette.yaml:3:8
  |
3 | image: quay.io/me/fe dora
  |        ^^^^^^^^^^^^^^^^^^
  |
  = help: write it like `quay.io/me/fedora`: lower-case letters and digits, with single `.`, `_` or `-` between them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: quay.io//fedora
tags: [a, b]
",
        str![[r#"
error: `quay.io//fedora` is not a repository
 --> diskette.yaml:3:8
  |
3 | image: quay.io//fedora
  |        ^^^^^^^^^^^^^^^
  |
  = help: write it like `quay.io/me/fedora`: lower-case letters and digits, with single `.`, `_` or `-` between them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
tags: []
",
        str![[r#"
error: nothing is listed here
 --> diskette.yaml:4:7
  |
4 | tags: []
  |       ^^
  |
  = help: at least one entry is needed

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
tags: ['4 2', -a, a, ü, a, '']
",
        str![[r#"
error: `4 2` is not a tag
 --> diskette.yaml:4:8
  |
4 | tags: ['4 2', -a, a, ü, a, '']
  |        ^^^^^
  |
  = help: a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

error: `-a` is not a tag
 --> diskette.yaml:4:15
  |
4 | tags: ['4 2', -a, a, ü, a, '']
  |               ^^
  |
  = help: a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

error: `ü` is not a tag
 --> diskette.yaml:4:22
  |
4 | tags: ['4 2', -a, a, ü, a, '']
  |                      ^
  |
  = help: a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

error: the tag `a` is given twice
 --> diskette.yaml:4:25
  |
4 | tags: ['4 2', -a, a, ü, a, '']
  |                         ^
  |
  = help: remove one

error: `` is not a tag
 --> diskette.yaml:4:28
  |
4 | tags: ['4 2', -a, a, ü, a, '']
  |                            ^^
  |
  = help: a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: me
---
apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: docker.io/library/me
tags: [v1, latest]
",
        str![[r#"
error: two images are named `docker.io/library/me:latest`
 --> diskette.yaml:8:12
  |
8 | tags: [v1, latest]
  |            ^^^^^^
  |
  = help: the other one is named on line 3; change `image` or `tags`

"#]],
    );
}

#[test]
fn platforms() {
    check(
        r"apiVersion: diskette/v1
platforms: {x86_64: {disk: a}, linux/aarch64: {disk: b}, linux/amd46: {disk: c}}
",
        str![[r#"
error: unknown architecture `x86_64`
 --> diskette.yaml:2:13
  |
2 | platforms: {x86_64: {disk: a}, linux/aarch64: {disk: b}, linux/amd46: {disk: c}}
  |             ^^^^^^
  |
  = help: did you mean `linux/amd64`?

error: unknown architecture `aarch64`
 --> diskette.yaml:2:32
  |
2 | platforms: {x86_64: {disk: a}, linux/aarch64: {disk: b}, linux/amd46: {disk: c}}
  |                                ^^^^^^^^^^^^^
  |
  = help: did you mean `linux/arm64`?

error: unknown architecture `amd46`
 --> diskette.yaml:2:58
  |
2 | platforms: {x86_64: {disk: a}, linux/aarch64: {disk: b}, linux/amd46: {disk: c}}
  |                                                          ^^^^^^^^^^^
  |
  = help: did you mean `linux/amd64`?

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {linx/amd64: {disk: a}, a/b/c/d: {disk: b}, vax: {disk: c}, '': {disk: d}}
",
        str![[r#"
error: unknown operating system `linx`
 --> diskette.yaml:2:13
  |
2 | platforms: {linx/amd64: {disk: a}, a/b/c/d: {disk: b}, vax: {disk: c}, '': {disk: d}}
  |             ^^^^^^^^^^
  |
  = help: did you mean `linux`?

error: `a/b/c/d` is not a platform
 --> diskette.yaml:2:36
  |
2 | platforms: {linx/amd64: {disk: a}, a/b/c/d: {disk: b}, vax: {disk: c}, '': {disk: d}}
  |                                    ^^^^^^^
  |
  = help: write it as `linux/amd64`

error: unknown architecture `vax`
 --> diskette.yaml:2:56
  |
2 | platforms: {linx/amd64: {disk: a}, a/b/c/d: {disk: b}, vax: {disk: c}, '': {disk: d}}
  |                                                        ^^^
  |
  = help: known architectures: 386, amd64, arm, arm64, loong64, mips, mips64, mips64le, mipsle, ppc64, ppc64le, riscv64, s390x

error: `` is not a platform
 --> diskette.yaml:2:72
  |
2 | platforms: {linx/amd64: {disk: a}, a/b/c/d: {disk: b}, vax: {disk: c}, '': {disk: d}}
  |                                                                        ^^
  |
  = help: write it as `linux/amd64`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64: {disk: a}
  linux/amd64: {disk: b}
",
        str![[r#"
error: the platform `linux/amd64` is given twice
 --> diskette.yaml:4:3
  |
4 |   linux/amd64: {disk: b}
  |   ^^^^^^^^^^^
  |
  = help: `amd64` on line 3 means the same

"#]],
    );
}

#[test]
fn disks() {
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: ''
",
        str![[r#"
error: the path is empty
 --> diskette.yaml:4:11
  |
4 |     disk: ''
  |           ^^
  |
  = help: write the path of a file

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: disks/
",
        str![[r#"
error: the path names a directory
 --> diskette.yaml:4:11
  |
4 |     disk: disks/
  |           ^^^^^^
  |
  = help: write the path of a file

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: disks/..
",
        str![[r#"
error: the disk cannot be named after this: it means a directory
 --> diskette.yaml:4:11
  |
4 |     disk: disks/..
  |           ^^^^^^^^
  |
  = help: say what it is called in the image, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: .gz
",
        str![[r#"
error: the disk cannot be named after this: it is empty
 --> diskette.yaml:4:11
  |
4 |     disk: .gz
  |           ^^^
  |
  = help: say what it is called in the image, for example `name: disk.qcow2`

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
platforms:
  amd64:
    disk: "a\nb"
"#,
        str![[r#"
error: the path has a control character
 --> diskette.yaml:4:11
  |
4 |     disk: "a\nb"
  |           ^^^^^^
  |
  = help: rename the file, or look for a stray escape like `\n`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: ftp://example.com/a.qcow2
",
        str![[r#"
error: `ftp://` is not supported
 --> diskette.yaml:4:11
  |
4 |     disk: ftp://example.com/a.qcow2
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: disks are fetched from `https://` and `http://` URLs; download others first

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: file:///a.qcow2
",
        str![[r#"
error: `file://` is not supported
 --> diskette.yaml:4:11
  |
4 |     disk: file:///a.qcow2
  |           ^^^^^^^^^^^^^^^
  |
  = help: write the path alone

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {url: example.com/a.qcow2}
",
        str![[r#"
error: this is not a URL
 --> diskette.yaml:4:17
  |
4 |     disk: {url: example.com/a.qcow2}
  |                 ^^^^^^^^^^^^^^^^^^^
  |
  = help: begin it with `https://`, or write it under `path:`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: 'https://example.com/a.qcow2'}
",
        str![[r#"
error: this is a URL, not a path
 --> diskette.yaml:4:18
  |
4 |     disk: {path: 'https://example.com/a.qcow2'}
  |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write it under `url:`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, url: 'https://example.com/a.qcow2'}
",
        str![[r#"
error: both `path` and `url` are given
 --> diskette.yaml:4:32
  |
4 |     disk: {path: a.qcow2, url: 'https://example.com/a.qcow2'}
  |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: content comes from one place; remove one of the two

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: https:///a.qcow2
",
        str![[r#"
error: the URL has no host
 --> diskette.yaml:4:11
  |
4 |     disk: https:///a.qcow2
  |           ^^^^^^^^^^^^^^^^
  |
  = help: write it like `https://example.com/disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: https://example.com
",
        str![[r#"
error: the disk cannot be named after this: it is empty
 --> diskette.yaml:4:11
  |
4 |     disk: https://example.com
  |           ^^^^^^^^^^^^^^^^^^^
  |
  = help: say what it is called in the image, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: https://example.com/?file=a.qcow2
",
        str![[r#"
error: the disk cannot be named after this: it is empty
 --> diskette.yaml:4:11
  |
4 |     disk: https://example.com/?file=a.qcow2
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: say what it is called in the image, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: https://me:secret@example.com/a.qcow2
",
        str![[r#"
error: the URL carries a user name or password
 --> diskette.yaml:4:11
  |
4 |     disk: https://me:secret@example.com/a.qcow2
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: remove it: it would end up in logs

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: https://example.com/my disk.qcow2
",
        str![[r#"
error: the URL has a character that no URL may have
 --> diskette.yaml:4:11
  |
4 |     disk: https://example.com/my disk.qcow2
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: percent-encode it, for example a space as `%20`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, unpack: zip}
",
        str![[r#"
error: unknown packing `zip`
 --> diskette.yaml:4:35
  |
4 |     disk: {path: a.qcow2, unpack: zip}
  |                                   ^^^
  |
  = help: known packings: gz, xz, zst, bz2, none

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, unpack: gzip}
",
        str![[r#"
error: unknown packing `gzip`
 --> diskette.yaml:4:35
  |
4 |     disk: {path: a.qcow2, unpack: gzip}
  |                                   ^^^^
  |
  = help: known packings: gz, xz, zst, bz2, none

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, sha256: abc}
",
        str![[r#"
error: this is not a sha256 checksum
 --> diskette.yaml:4:35
  |
4 |     disk: {path: a.qcow2, sha256: abc}
  |                                   ^^^
  |
  = help: a SHA-256 has 64 hexadecimal digits, this has 3

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, sha256: 'gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg'}
",
        str![[r#"
error: this is not a sha256 checksum
 --> diskette.yaml:4:35
  |
4 |     disk: {path: a.qcow2, sha256: 'gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg'}
  |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: a SHA-256 is 64 hexadecimal digits, and nothing else

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, sha512: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
",
        str![[r#"
error: this is not a sha512 checksum
 --> diskette.yaml:4:35
  |
4 |     disk: {path: a.qcow2, sha512: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
  |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: it is as long as a SHA-256; write it under `sha256:`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk:
      path: a.qcow2
      sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      sha512: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
",
        str![[r#"
error: both `sha256` and `sha512` are given
 --> diskette.yaml:7:15
  |
7 | ...2: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: one is enough; remove the other

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, sha256: 0000000000000000000000000000000000000000000000000000000000000000}
",
        str![[r#"
error: expected text, found a number
 --> diskette.yaml:4:35
  |
4 |     disk: {path: a.qcow2, sha256: 0000000000000000000000000000000000000000000000000000000000000000}
  |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: quote it: `"0000000000000000000000000000000000000000000000000000000000000000"`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, name: a/b}
",
        str![[r#"
error: `a/b` is not a file name: it has a slash
 --> diskette.yaml:4:33
  |
4 |     disk: {path: a.qcow2, name: a/b}
  |                                 ^^^
  |
  = help: write one plain name, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, name: ''}
",
        str![[r#"
error: `` is not a file name: it is empty
 --> diskette.yaml:4:33
  |
4 |     disk: {path: a.qcow2, name: ''}
  |                                 ^^
  |
  = help: write one plain name, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, name: ..}
",
        str![[r#"
error: `..` is not a file name: it means a directory
 --> diskette.yaml:4:33
  |
4 |     disk: {path: a.qcow2, name: ..}
  |                                 ^^
  |
  = help: write one plain name, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, name: .wh.disk}
",
        str![[r#"
error: `.wh.disk` is not a file name: `.wh.` marks a deletion in container images
 --> diskette.yaml:4:33
  |
4 |     disk: {path: a.qcow2, name: .wh.disk}
  |                                 ^^^^^^^^
  |
  = help: write one plain name, for example `name: disk.qcow2`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms:
  amd64:
    disk: {path: a.qcow2, name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
",
        str![[r#"
error: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is not a file name: it is longer than 255 bytes
 --> diskette.yaml:4:33
  |
4 | ...e: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write one plain name, for example `name: disk.qcow2`

"#]],
    );
}

#[test]
fn files() {
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: [{path: boot/vmlinuz, source: vmlinuz}]
",
        str![[r#"
error: `boot/vmlinuz` is not an absolute path
 --> diskette.yaml:3:16
  |
3 | files: [{path: boot/vmlinuz, source: vmlinuz}]
  |                ^^^^^^^^^^^^
  |
  = help: begin it with a slash: `/boot/vmlinuz`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: [{path: /, source: a}, {path: /a/../b, source: a}, {path: /a/, source: a}, {path: //a, source: a}]
",
        str![[r#"
error: `/` is not a plain path of a file
 --> diskette.yaml:3:16
  |
3 | files: [{path: /, source: a}, {path: /a/../b, source: a}, {path: /a/, source: a}, {path: //a, source: a}]
  |                ^
  |
  = help: write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end

error: `/a/../b` is not a plain path of a file
 --> diskette.yaml:3:38
  |
3 | files: [{path: /, source: a}, {path: /a/../b, source: a}, {path: /a/, source: a}, {path: //a, source: a}]
  |                                      ^^^^^^^
  |
  = help: write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end

error: `/a/` is not a plain path of a file
 --> diskette.yaml:3:66
  |
3 | files: [{path: /, source: a}, {path: /a/../b, source: a}, {path: /a/, source: a}, {path: //a, source: a}]
  |                                                                  ^^^
  |
  = help: write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end

error: `//a` is not a plain path of a file
 --> diskette.yaml:3:90
  |
3 | files: [{path: /, source: a}, {path: /a/../b, source: a}, {path: /a/, source: a}, {path: //a, source: a}]
  |                                                                                          ^^^
  |
  = help: write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files:
- {path: /disk/second.qcow2, source: a}
- {path: /disk.img, source: a}
- {path: /diskette, source: a}
",
        str![[r#"
error: only the disk may stand at a path that begins with `/disk`
 --> diskette.yaml:4:10
  |
4 | - {path: /disk/second.qcow2, source: a}
  |          ^^^^^^^^^^^^^^^^^^
  |
  = help: CDI imports the first file whose path begins with `disk`; choose another path

error: only the disk may stand at a path that begins with `/disk`
 --> diskette.yaml:5:10
  |
5 | - {path: /disk.img, source: a}
  |          ^^^^^^^^^
  |
  = help: CDI imports the first file whose path begins with `disk`; choose another path

error: only the disk may stand at a path that begins with `/disk`
 --> diskette.yaml:6:10
  |
6 | - {path: /diskette, source: a}
  |          ^^^^^^^^^
  |
  = help: CDI imports the first file whose path begins with `disk`; choose another path

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files:
- {path: /usr/bin/tool, source: a}
- {path: /usr, source: a}
- {path: /var/lib/x, source: a}
- {path: /sysroot/x, source: a}
- {path: /ostree, source: a}
- {path: /shared, source: a}
",
        str![[r#"
error: no file may stand at `/usr/bin/tool`
 --> diskette.yaml:4:10
  |
4 | - {path: /usr/bin/tool, source: a}
  |          ^^^^^^^^^^^^^
  |
  = help: KubeVirt mounts its own programs there; choose another path

error: no file may stand at `/usr`
 --> diskette.yaml:5:10
  |
5 | - {path: /usr, source: a}
  |          ^^^^
  |
  = help: KubeVirt mounts its own programs there; choose another path

error: no file may stand at `/var/lib/x`
 --> diskette.yaml:6:10
  |
6 | - {path: /var/lib/x, source: a}
  |          ^^^^^^^^^^
  |
  = help: KubeVirt mounts its sockets there; choose another path

error: no file may stand at `/sysroot/x`
 --> diskette.yaml:7:10
  |
7 | - {path: /sysroot/x, source: a}
  |          ^^^^^^^^^^
  |
  = help: CDI takes such an image for a bootc image and refuses it; choose another path

error: no file may stand at `/ostree`
 --> diskette.yaml:8:10
  |
8 | - {path: /ostree, source: a}
  |          ^^^^^^^
  |
  = help: CDI takes such an image for a bootc image and refuses it; choose another path

error: no file may stand at `/shared`
 --> diskette.yaml:9:10
  |
9 | - {path: /shared, source: a}
  |          ^^^^^^^
  |
  = help: CDI mounts its server there; choose another path

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files:
- {path: /boot/vmlinuz, source: a}
- {path: /boot/vmlinuz, source: b}
",
        str![[r#"
error: two files at `/boot/vmlinuz`
 --> diskette.yaml:5:10
  |
5 | - {path: /boot/vmlinuz, source: b}
  |          ^^^^^^^^^^^^^
  |
  = help: the other one is on line 4

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files:
- {path: /boot, source: a}
- {path: /boot/vmlinuz, source: b}
",
        str![[r#"
error: `/boot` is a file; nothing can stand below it
 --> diskette.yaml:5:10
  |
5 | - {path: /boot/vmlinuz, source: b}
  |          ^^^^^^^^^^^^^
  |
  = help: the other one is on line 4

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files:
- {path: /boot/vmlinuz, source: b}
- {path: /boot, source: a}
",
        str![[r#"
error: `/boot` must be a directory, for `/boot/vmlinuz` stands in it
 --> diskette.yaml:5:10
  |
5 | - {path: /boot, source: a}
  |          ^^^^^
  |
  = help: the other one is on line 4

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: [{path: /boot/.wh.x, source: a}, {path: "/a\tb", source: a}]
"#,
        str![[r#"
error: `.wh.x` is not a file name: `.wh.` marks a deletion in container images
 --> diskette.yaml:3:16
  |
3 | files: [{path: /boot/.wh.x, source: a}, {path: "/a\tb", source: a}]
  |                ^^^^^^^^^^^
  |
  = help: write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end

error: `a\tb` is not a file name: it has a control character
 --> diskette.yaml:3:48
  |
3 | files: [{path: /boot/.wh.x, source: a}, {path: "/a\tb", source: a}]
  |                                                ^^^^^^^
  |
  = help: write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
files: [{path: /boot/vmlinuz, source: {path: a, name: b}}]
",
        str![[r#"
error: `name` is for disks
 --> diskette.yaml:3:55
  |
3 | files: [{path: /boot/vmlinuz, source: {path: a, name: b}}]
  |                                                       ^
  |
  = help: the file is called as its `path` says; remove `name`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
files: [{path: /boot/vmlinuz, source: a}]
platforms:
  amd64:
    disk: a.qcow2
    files: [{path: /boot/vmlinuz, source: b}]
",
        str![[r#"
error: two files at `/boot/vmlinuz`
 --> diskette.yaml:6:20
  |
6 |     files: [{path: /boot/vmlinuz, source: b}]
  |                    ^^^^^^^^^^^^^
  |
  = help: the other one is on line 2

"#]],
    );
}

#[test]
fn labels_and_environment() {
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {instancetype: u1 medium, preference: -fedora}
",
        str![[r#"
error: `u1 medium` is not a label value: only letters, digits, `-`, `_` and `.` may stand in it
 --> diskette.yaml:3:26
  |
3 | kubevirt: {instancetype: u1 medium, preference: -fedora}
  |                          ^^^^^^^^^
  |
  = help: a label value is empty or up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends

error: `-fedora` is not a label value: it must begin and end with a letter or digit
 --> diskette.yaml:3:49
  |
3 | kubevirt: {instancetype: u1 medium, preference: -fedora}
  |                                                 ^^^^^^^
  |
  = help: a label value is empty or up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {labels: {app: a, example.com/app: a, kubevirt.io/a_b: a, kubevirt.io/A: a, a-b.kubevirt.io/c: a}}
",
        str![[r#"
error: no environment variable can express the label `app`: its prefix does not end in `kubevirt.io`
 --> diskette.yaml:3:21
  |
3 | kubevirt: {labels: {app: a, example.com/app: a, kubevirt.io/a_b: a, kubevirt.io/A: a, a-b.kubevirt.io/c: a}}
  |                     ^^^
  |
  = help: CDI sets only labels like `kubevirt.io/name` and `something.kubevirt.io/name`

error: no environment variable can express the label `example.com/app`: its prefix does not end in `kubevirt.io`
 --> diskette.yaml:3:29
  |
3 | kubevirt: {labels: {app: a, example.com/app: a, kubevirt.io/a_b: a, kubevirt.io/A: a, a-b.kubevirt.io/c: a}}
  |                             ^^^^^^^^^^^^^^^
  |
  = help: CDI sets only labels like `kubevirt.io/name` and `something.kubevirt.io/name`

error: no environment variable can express the label `kubevirt.io/a_b`: its name has an underscore
 --> diskette.yaml:3:49
  |
3 | kubevirt: {labels: {app: a, example.com/app: a, kubevirt.io/a_b: a, kubevirt.io/A: a, a-b.kubevirt.io/c: a}}
  |                                                 ^^^^^^^^^^^^^^^
  |
  = help: the nearest label that CDI can set is `kubevirt.io/a-b`

error: no environment variable can express the label `kubevirt.io/A`: its name has an upper-case letter
 --> diskette.yaml:3:69
  |
3 | kubevirt: {labels: {app: a, example.com/app: a, kubevirt.io/a_b: a, kubevirt.io/A: a, a-b.kubevirt.io/c: a}}
  |                                                                     ^^^^^^^^^^^^^
  |
  = help: the nearest label that CDI can set is `kubevirt.io/a`

error: no environment variable can express the label `a-b.kubevirt.io/c`: its prefix has a dash, and CDI drops such labels
 --> diskette.yaml:3:87
  |
3 | kubevirt: {labels: {app: a, example.com/app: a, kubevirt.io/a_b: a, kubevirt.io/A: a, a-b.kubevirt.io/c: a}}
  |                                                                                       ^^^^^^^^^^^^^^^^^
  |
  = help: CDI sets only labels like `kubevirt.io/name` and `something.kubevirt.io/name`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {labels: {kubevirt.io/: a, Kubevirt.io/a: a, a/b/c: a}}
",
        str![[r#"
error: `kubevirt.io/` is not a label key: its name is empty
 --> diskette.yaml:3:21
  |
3 | kubevirt: {labels: {kubevirt.io/: a, Kubevirt.io/a: a, a/b/c: a}}
  |                     ^^^^^^^^^^^^
  |
  = help: a label key looks like `kubevirt.io/dynamic-credentials-support`; its name has at most 63 letters, digits, `-`, `_` and `.`

error: `Kubevirt.io/a` is not a label key: its prefix is not a lower-case domain name
 --> diskette.yaml:3:38
  |
3 | kubevirt: {labels: {kubevirt.io/: a, Kubevirt.io/a: a, a/b/c: a}}
  |                                      ^^^^^^^^^^^^^
  |
  = help: a label key looks like `kubevirt.io/dynamic-credentials-support`; its name has at most 63 letters, digits, `-`, `_` and `.`

error: `a/b/c` is not a label key: it has more than one slash
 --> diskette.yaml:3:56
  |
3 | kubevirt: {labels: {kubevirt.io/: a, Kubevirt.io/a: a, a/b/c: a}}
  |                                                        ^^^^^
  |
  = help: a label key looks like `kubevirt.io/dynamic-credentials-support`; its name has at most 63 letters, digits, `-`, `_` and `.`

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {labels: {kubevirt.io/a: 'b c'}}
",
        str![[r#"
error: `b c` is not a label value: only letters, digits, `-`, `_` and `.` may stand in it
 --> diskette.yaml:3:36
  |
3 | kubevirt: {labels: {kubevirt.io/a: 'b c'}}
  |                                    ^^^^^
  |
  = help: a label value is empty or up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt:
  preference: fedora
  labels: {instancetype.kubevirt.io/default-preference: debian}
",
        str![[r#"
error: the label `instancetype.kubevirt.io/default-preference` is set twice
 --> diskette.yaml:5:12
  |
5 |   labels: {instancetype.kubevirt.io/default-preference: debian}
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: it is also set on line 4; keep one of them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt: {preference: fedora}
env: {INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE: debian}
",
        str![[r#"
error: the label `instancetype.kubevirt.io/default-preference` is set twice
 --> diskette.yaml:4:7
  |
4 | env: {INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE: debian}
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: it is also set on line 3; keep one of them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
env:
  FOO_KUBEVIRT_IO_X: a
  FOOKUBEVIRT_IO_X: b
",
        str![[r#"
error: the label `foo.kubevirt.io/x` is set twice
 --> diskette.yaml:5:3
  |
5 |   FOOKUBEVIRT_IO_X: b
  |   ^^^^^^^^^^^^^^^^
  |
  = help: it is also set on line 4; keep one of them

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
env: {KUBEVIRT_IO_A_: b, KUBEVIRT_IO_B: 'c d', A__KUBEVIRT_IO_B: c}
",
        str![[r#"
error: CDI makes the label `kubevirt.io/a-` of this variable
 --> diskette.yaml:3:7
  |
3 | env: {KUBEVIRT_IO_A_: b, KUBEVIRT_IO_B: 'c d', A__KUBEVIRT_IO_B: c}
  |       ^^^^^^^^^^^^^^
  |
  = help: Kubernetes refuses it: it must begin and end with a letter or digit; rename the variable

error: `c d` is not a label value: only letters, digits, `-`, `_` and `.` may stand in it
 --> diskette.yaml:3:41
  |
3 | env: {KUBEVIRT_IO_A_: b, KUBEVIRT_IO_B: 'c d', A__KUBEVIRT_IO_B: c}
  |                                         ^^^^^
  |
  = help: a label value is empty or up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends

error: CDI makes the label `a..kubevirt.io/b` of this variable
 --> diskette.yaml:3:48
  |
3 | env: {KUBEVIRT_IO_A_: b, KUBEVIRT_IO_B: 'c d', A__KUBEVIRT_IO_B: c}
  |                                                ^^^^^^^^^^^^^^^^
  |
  = help: Kubernetes refuses it: its prefix is not a lower-case domain name; rename the variable

"#]],
    );
    check(
        r#"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
env: {'A=B': c, '': d, "E\0": f, G: "h\0"}
"#,
        str![[r#"
error: `A=B` is not the name of a variable
 --> diskette.yaml:3:7
  |
3 | env: {'A=B': c, '': d, "E\0": f, G: "h\0"}
  |       ^^^^^
  |
  = help: write `NAME: value`; a name has no `=`

error: a variable without a name
 --> diskette.yaml:3:17
  |
3 | env: {'A=B': c, '': d, "E\0": f, G: "h\0"}
  |                 ^^
  |
  = help: write one before the colon

error: `E\0` is not the name of a variable
 --> diskette.yaml:3:24
  |
3 | env: {'A=B': c, '': d, "E\0": f, G: "h\0"}
  |                        ^^^^^
  |
  = help: write `NAME: value`; a name has no `=`

error: the value has a NUL character
 --> diskette.yaml:3:37
  |
3 | env: {'A=B': c, '': d, "E\0": f, G: "h\0"}
  |                                     ^^^^^
  |
  = help: no environment variable can hold one; remove it

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
labels: {'': a}
annotations: {'': b}
",
        str![[r#"
error: a label without a name
 --> diskette.yaml:3:10
  |
3 | labels: {'': a}
  |          ^^
  |
  = help: write one before the colon

error: an annotation without a name
 --> diskette.yaml:4:15
  |
4 | annotations: {'': b}
  |               ^^
  |
  = help: write one before the colon

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
kubevirt:
  labels:
    kubevirt.io/label-00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-01-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-02-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-04-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-05-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-06-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-07-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-08-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-09-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-10-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-11-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-12-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-13-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-14-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-15-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-16-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-17-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-18-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-19-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-20-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-21-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-22-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-23-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-24-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-25-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-26-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-27-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-28-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-29-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    kubevirt.io/label-30-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
",
        str![[r#"
error: the labels are too long for CDI: 4409 bytes of 4096
  --> diskette.yaml:35:5
   |
35 |     kubevirt.io/label-30-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: CDI reports all labels in one message of that size, or the import fails; remove some

"#]],
    );
    check(
        r"apiVersion: diskette/v1
kubevirt: {labels: {app: a}}
platforms: {amd64: {disk: a}, arm64: {disk: b}}
",
        str![[r#"
error: no environment variable can express the label `app`: its prefix does not end in `kubevirt.io`
 --> diskette.yaml:2:21
  |
2 | kubevirt: {labels: {app: a}}
  |                     ^^^
  |
  = help: CDI sets only labels like `kubevirt.io/name` and `something.kubevirt.io/name`

"#]],
    );
}

#[test]
fn several_mistakes_at_once() {
    check(
        r"apiVersion: diskette/v1
image: quay.io/Me/fedora:42
tags: [42]
platforms:
  x86_64: {disk: {path: a.qcow2, sha: abc}}
  arm64: {disc: b.qcow2}
kubevirt: {instancetype: 'a b'}
environment: {A: b}
",
        str![[r#"
error: `image` has a tag
 --> diskette.yaml:2:8
  |
2 | image: quay.io/Me/fedora:42
  |        ^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `image: quay.io/Me/fedora` and `tags: ["42"]`

error: expected text, found a number
 --> diskette.yaml:3:8
  |
3 | tags: [42]
  |        ^^
  |
  = help: quote it: `"42"`

error: unknown architecture `x86_64`
 --> diskette.yaml:5:3
  |
5 |   x86_64: {disk: {path: a.qcow2, sha: abc}}
  |   ^^^^^^
  |
  = help: did you mean `linux/amd64`?

error: unknown key `sha` in a source
 --> diskette.yaml:5:34
  |
5 |   x86_64: {disk: {path: a.qcow2, sha: abc}}
  |                                  ^^^
  |
  = help: known keys: path, url, sha256, sha512, unpack, name, convert, compress

error: unknown key `disc` in a platform
 --> diskette.yaml:6:11
  |
6 |   arm64: {disc: b.qcow2}
  |           ^^^^
  |
  = help: did you mean `disk`?

error: `a b` is not a label value: only letters, digits, `-`, `_` and `.` may stand in it
 --> diskette.yaml:7:26
  |
7 | kubevirt: {instancetype: 'a b'}
  |                          ^^^^^
  |
  = help: a label value is empty or up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends

error: unknown key `environment` in the spec
 --> diskette.yaml:8:1
  |
8 | environment: {A: b}
  | ^^^^^^^^^^^
  |
  = help: known keys: apiVersion, image, tags, platforms, release, policy, docs, kubevirt, files, env, labels, annotations

"#]],
    );
    check(
        r"apiVersion: diskette/v1
platforms: {amd64: {disk: a.qcow2}}
image: very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-Name
",
        str![[r#"
error: `very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-Name` is not a repository
 --> diskette.yaml:3:8
  |
3 | ...e: very-long-very-long-very-long-very-long-very-...-very-long-very-long-very-long-very-long-Name
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^...^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write it like `quay.io/me/fedora`: lower-case letters and digits, with single `.`, `_` or `-` between them

"#]],
    );
}

#[test]
fn places_and_rules_are_optional() {
    let source = Arc::new(SourceText { name: "a.yaml".into(), text: "a: b\n".into() });
    let diagnostic = Diagnostic::new("nothing can be built").help("free some space");
    assert_data_eq!(
        render(&diagnostic, Severity::Error, Color::Plain),
        str![[r#"
error: nothing can be built
 |
 = help: free some space
"#]]
    );
    let diagnostic = diagnostic.at(Span::new(&source, 3..4)).rule("disk-dirty").help("or more");
    assert_data_eq!(
        render(&diagnostic, Severity::Error, Color::Plain),
        str![[r#"
error[disk-dirty]: nothing can be built
 --> a.yaml:1:4
  |
1 | a: b
  |    ^
  |
  = help: free some space
  = help: or more
"#]]
    );
    let colored = render(&diagnostic, Severity::Error, Color::Ansi);
    assert!(colored.contains("\u{1b}["), "{colored}");
}
