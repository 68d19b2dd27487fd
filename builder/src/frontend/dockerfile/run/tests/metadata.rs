//! Tests of what commands do to modes and owners, and of what users may do.

use super::{check, check_me, refused};

#[test]
fn modes_are_changed() {
    check("chmod 600 file", "file 600");
    check("chmod 644 file", "");
    check("chmod u+x,go-r file", "file 700");
    check("chmod +x file", "file 755");
    check("chmod a=r file data/a", "data/a 444, file 444");
    check("chmod 700 link", "data/ 700");
    check(
        "chmod -R 700 data",
        "data/ 700, data/.hidden 700, data/a 700, data/b.txt 700, data/c.txt 700, data/sub/ 700, data/sub/x 700",
    );
    check("chmod -R go+rX link", "data/b.txt 644, data/c.txt 644, data/sub/ 755, data/sub/x 644");
    check("chmod -R a-w,a+X data/sub", "data/sub/ 551, data/sub/x 400");
    check("chmod 755 shared", "shared/ 2755 50:50");
    check("chmod 00755 shared", "shared/ 755 50:50");
    check("chmod 644 suid", "suid 644");
    check("chmod g=u file", "file 664");
    check("chmod -x suid", "suid 6644");
    check("chmod file -w; true", "file 444");
    check("chmod --recursive o= empty", "empty/ 750");
    check("chmod -f 600 file", "file 600");
    check("chmod -- -w file || true", "file 444");
}

#[test]
fn modes_that_cannot_be_changed() {
    let fails =
        |script: &str, why: &str| check(script, &format!("`chmod` fails: {why} [{script}]"));
    fails("chmod", "missing operand");
    fails("chmod 644", "missing operand after '644'");
    fails("chmod 999 file", "invalid mode: '999'");
    fails("chmod u+q file", "invalid mode: 'u+q'");
    fails("chmod 644 none", "cannot access 'none': No such file or directory");
    fails("chmod 644 dangling", "cannot operate on dangling symlink 'dangling'");
    fails("chmod 644 file/x", "cannot access 'file/x': Not a directory");
    fails("chmod -w private/x", "'private/x': new permissions are 466, not 444");
    fails("chmod -R --preserve-root 0 /", "it is dangerous to operate recursively on '/'");
    refused(
        "chmod --reference=a b",
        "`--reference=a` of `chmod` is not evaluated",
        "chmod --reference=a b",
    );
    let root = "mode and owner of the root directory cannot be changed in a layer";
    refused("chmod 700 /", root, "chmod 700 /");
}

#[test]
fn owners_are_changed() {
    check("chown 107:107 file", "file 644 107:107");
    check("chown 107 file", "file 644 107:0");
    check("chown me file", "file 644 1000:0");
    check("chown me: file", "file 644 1000:1000");
    check("chown me:staff file", "file 644 1000:50");
    check("chown :staff file", "file 644 0:50");
    check("chown +7:+8 file", "file 644 7:8");
    check("chown : file", "");
    check("chown '' file", "");
    check("chown 5 link", "data/ 755 5:0");
    check("chown -h 5 link", "link->data 5:0");
    check("chown -R 5:5 link", "link->data 5:5");
    check(
        "chown -R 5:5 data/sub",
        "data/sub/ 750 5:5, data/sub/back->../a 5:5, data/sub/x 600 5:5",
    );
    check("chown 5 suid", "suid 755 5:0");
    check("chown root:root home/me/own", "home/me/own 644");
    check("chown --recursive --no-dereference me home/me/own", "");
    check("chown 5 data/sub/back", "data/a 644 5:0");
}

#[test]
fn owners_that_cannot_be_changed() {
    let fails =
        |script: &str, why: &str| check(script, &format!("`chown` fails: {why} [{script}]"));
    fails("chown", "missing operand");
    fails("chown me", "missing operand after 'me'");
    fails("chown nobody file", "invalid user: 'nobody'");
    fails("chown me:wheel file", "invalid group: 'me:wheel'");
    fails("chown 5: file", "invalid spec: '5:'");
    fails("chown 4294967295 file", "invalid user: '4294967295'");
    fails("chown 5 none", "cannot access 'none': No such file or directory");
    fails("chown 5 dangling", "cannot dereference 'dangling': No such file or directory");
    fails("chown -R --preserve-root 5 /", "it is dangerous to operate recursively on '/'");
    refused(
        "chown --from=1 2 file",
        "`--from=1` of `chown` is not evaluated",
        "chown --from=1 2 file",
    );
}

#[test]
fn users_may_do_what_is_theirs() {
    check_me("mkdir new", "home/me/new/ 755 1000:1000");
    check_me("touch new", "home/me/new 644 1000:1000");
    check_me("ln -s x new", "home/me/new->x 1000:1000");
    check_me("mkdir -p /usr/bin", "");
    check_me("mkdir -p /home/me/a/b", "home/me/a/ 755 1000:1000, home/me/a/b/ 755 1000:1000");
    check_me("touch /tmp/new", "tmp/new 644 1000:1000");
    check_me("touch /tmp/theirs", "");
    check_me("chmod 600 own", "home/me/own 600 1000:1000");
    check_me("chown me:staff own", "home/me/own 644 1000:50");
    check_me("rm theirs", "-home/me/theirs");
    check_me("chmod 700 locked && rm -r locked", "-home/me/locked");
    check_me("mkdir new && chmod 2755 new", "home/me/new/ 2755 1000:1000");
    check_me("chmod -R u+rwX locked", "home/me/locked/ 700 1000:1000");
    check_me("rm -rf private/*", "");
    let check_me = |script: &str, error: &str| {
        check_me(script, &format!("{error} [{script}]"));
    };
    check_me("mkdir /opt", "`mkdir` fails: cannot create directory '/opt': Permission denied");
    check_me(
        "mkdir -p /usr/share/x",
        "`mkdir` fails: cannot create directory '/usr/share': Permission denied",
    );
    check_me(
        "mkdir /private/x",
        "`mkdir` fails: cannot create directory '/private/x': Permission denied",
    );
    check_me("touch /file", "`touch` fails: cannot touch '/file': Permission denied");
    check_me("touch /usr/new", "`touch` fails: cannot touch '/usr/new': Permission denied");
    check_me("touch /private/x", "`touch` fails: cannot touch '/private/x': Permission denied");
    check_me(
        "chmod 777 /file",
        "`chmod` fails: changing permissions of '/file': Operation not permitted",
    );
    check_me(
        "chown me /file",
        "`chown` fails: changing ownership of '/file': Operation not permitted",
    );
    check_me(
        "chown root own",
        "`chown` fails: changing ownership of 'own': Operation not permitted",
    );
    check_me("chown :root own", "`chown` fails: changing group of 'own': Operation not permitted");
    check_me("rm /file", "`rm` fails: cannot remove '/file': Permission denied");
    check_me(
        "rm -f /tmp/theirs",
        "`rm` fails: cannot remove '/tmp/theirs': Operation not permitted",
    );
    check_me("rm -rf locked", "`rm` fails: cannot remove 'locked': Permission denied");
    check_me(
        "chmod -R 755 /private",
        "`chmod` fails: changing permissions of '/private': Operation not permitted",
    );
    check_me(
        "ln -sf x /file",
        "`ln` fails: failed to create symbolic link '/file': Permission denied",
    );
}
