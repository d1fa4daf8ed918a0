"""The tables access of runjd.toml."""

import grp
import os
import pwd

import pytest

from runjd.config.difference import difference
from runjd.config.load import load
from runjd.policy.access import Rule, Subject
from tests.config.written import faults_of, write

OWN_GROUP = grp.getgrgid(os.getgid()).gr_name
OWN_USER = pwd.getpwuid(os.getuid()).pw_name
DAEMON = f'[daemon]\ngroup = "{OWN_GROUP}"\n'


def faults(tmp_path, text):
    """Return what is wrong with a rule."""
    return faults_of(write(tmp_path, f"{DAEMON}[[access]]\n{text}"))


def test_rules_stay_in_their_order(tmp_path):
    """Names of users and groups become numbers, and each rule tells where it stands."""
    found = load(
        write(
            tmp_path,
            f"""{DAEMON}
            [[access]]
            who = "user:{OWN_USER}"
            verbs = ["exec", "log-rotate"]
            deny = true
            [[access]]
            who = ["group:{OWN_GROUP}", "uid:7", "gid:8", "*"]
            role = "operator"
            jails = ["web*"]
            """,
        )
    )

    user = Subject("uid", os.getuid(), text=f"user:{OWN_USER}")
    others = (
        Subject("gid", os.getgid(), text=f"group:{OWN_GROUP}"),
        Subject("uid", 7, text="uid:7"),
        Subject("gid", 8, text="gid:8"),
        Subject("anybody"),
    )
    assert found.rules == (
        Rule("access[0]", (user,), verbs=("exec", "log-rotate"), is_denial=True),
        Rule("access[1]", others, "operator", jails=("web*",)),
    )
    assert found.group == os.getgid()


def test_without_rules_about_local_users_the_socket_is_nobodys(tmp_path):
    """The group is not looked for, and need not be there."""
    assert load(write(tmp_path, '[daemon]\ngroup = "no-such-group"\n')).group is None
    text = '[daemon]\ngroup = "no-such-group"\n[[access]]\nwho = "certificate:ops"\nrole = "admin"\n'
    assert load(write(tmp_path, text)).group is None


def test_the_group_of_the_socket_must_be_there(tmp_path):
    """A rule that nobody could make use of is told."""
    text = '[daemon]\ngroup = "no-such-group"\n[[access]]\nwho = "*"\nrole = "observer"\n'

    assert faults_of(write(tmp_path, text)) == [
        'runjd.toml:2: daemon.group: there is no group "no-such-group", whose members may open the control socket'
    ]


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('role = "observer"', "3: access[0]", "says nothing of whom it is about"),
        ('who = "*"', "3: access[0]", "allows nothing; give a role, or verbs"),
        ('who = "*"\nverbs = []', "3: access[0]", "allows nothing; give a role, or verbs"),
        ('who = []\nrole = "admin"', "4: access[0].who", "found an empty array"),
        ('who = "anna"\nrole = "admin"', "4: access[0].who", '"anna" names nobody'),
        ('who = "usr:anna"\nrole = "admin"', "4: access[0].who", 'did you mean "user"?'),
        ('who = "user:no-such-user"\nrole = "admin"', "4: access[0].who", 'there is no user "no-such-user"'),
        ('who = "uid:-1"\nrole = "admin"', "4: access[0].who", 'there is no uid "-1"'),
        ('who = "uid:4294967295"\nrole = "admin"', "4: access[0].who", 'there is no uid "4294967295"'),
        ('who = "*"\nrole = "root"', "5: access[0].role", "expected one of observer, operator, admin"),
        ('who = "*"\nverbs = ["restrat"]', "5: access[0].verbs", 'did you mean "restart"?'),
        ('who = "*"\nverbs = ["frobnicate"]', "5: access[0].verbs", '"frobnicate" is no verb'),
        ('who = "*"\nrole = "observer"\njails = []', "6: access[0].jails", "expected an array of names"),
        ('who = "*"\nrole = "observer"\ndeny = true', "5: access[0].role", "does not go with deny"),
        ('who = "*"\nrole = "admin"\njails = ["web"]', "6: access[0].jails", "does not go with the role admin"),
        ('who = "certificate:*.example.org"\nrole = "admin"', "4: access[0].who", "must name a certificate in full"),
        ('who = "*"\nrole = "observer"\njail = ["web"]', "6: access[0].jail", 'did you mean "jails"?'),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, place, reason):
    """With its place, and a hint."""
    found = faults(tmp_path, text)

    assert found[0].startswith(f"runjd.toml:{place}: "), found
    assert reason in found[0]


def test_rules_are_tables(tmp_path):
    """One table is not a list of them; and they stand in runjd.toml only."""
    assert "expected a table for each rule, as [[access]]" in faults_of(write(tmp_path, '[access]\nwho = "*"\n'))[0]
    [fault] = faults_of(write(tmp_path, "#\n", web='[[access]]\nwho = "*"\nrole = "admin"\n'))
    assert fault.startswith("jails.d/web.toml:1: access: belongs into runjd.toml;")


def test_a_reload_tells_of_rules(tmp_path):
    """Each that is another one, in words, and that it holds at once."""
    before = load(write(tmp_path, f'{DAEMON}[[access]]\nwho = "uid:7"\nrole = "observer"\n'))
    text = '[[access]]\nwho = "uid:7"\nverbs = ["stop"]\njails = ["web"]\ndeny = true\n'
    after = load(write(tmp_path, f'{DAEMON}{text}[[access]]\nwho = "uid:7"\nrole = "operator"\n'))

    assert [(each.key, each.before, each.after, each.takes) for each in difference(before, after).changes] == [
        ("access[0]", "uid:7 observer", "uid:7 deny stop with web", "now"),
        ("access[1]", "-", "uid:7 operator", "now"),
    ]
