"""
The traps of FreeBSD, each with the tests that show that we do not fall into it.

They are those that were seen on a running 13.2 kernel or read in its sources, and what
other runtimes for jails do wrong in their mechanics.  Tests are named by file and name.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent.parent

#: short names of files below tests/
FILES = {
    "addresses": "runtime/freebsd/test_addresses.py",
    "coverage": "runtime/freebsd/test_coverage.py",
    "explaining": "runtime/freebsd/test_explaining.py",
    "holding": "runtime/freebsd/test_holding.py",
    "init": "container/test_init.py",
    "jail": "runtime/freebsd/test_jail.py",
    "limits": "runtime/freebsd/test_limits.py",
    "mounting": "runtime/freebsd/test_mounting.py",
    "mounts": "runtime/freebsd/test_mounts.py",
    "names": "runtime/freebsd/test_names.py",
    "options": "runtime/freebsd/test_options.py",
    "parameters": "runtime/freebsd/test_parameters.py",
    "plan": "runtime/freebsd/test_plan.py",
    "removal": "runtime/freebsd/test_removal.py",
    "rlimits": "runtime/freebsd/test_rlimits.py",
    "run": "runtime/freebsd/test_run.py",
    "undoing": "runtime/freebsd/test_undoing.py",
    "unmounting": "runtime/freebsd/test_unmounting.py",
    "codec": "kernel/freebsd/test_parameters.py",
    "structures": "kernel/freebsd/test_structures.py",
    "kinfo": "kernel/freebsd/test_processes.py",
    "iovec": "kernel/freebsd/test_iovec.py",
    "queue": "kernel/freebsd/test_kqueuewatch.py",
    "late": "kernel/freebsd/test_kernel.py",
    "report": "container/test_report.py",
    "replay": "kernel/recorder/test_replay.py",
    "pty": "container/test_pty_freebsd.py",
    "terminal": "protocols/test_jailterminal.py",
    "process": "protocols/test_jailprocess.py",
    "stdio": "container/test_stdio.py",
    "watch": "contracts/test_exit_watch.py",
    "reaping": "keeper/test_reaping.py",
    "children": "keeper/test_children.py",
    "channel": "keeper/test_channel.py",
    "rights": "runtime/test_rights.py",
    "processes": "freebsd/test_processes.py",
    "jails": "freebsd/test_jails.py",
    "rctl": "freebsd/test_rctl.py",
    "kill": "container/test_kill.py",
}

TRAPS = {
    # jail_set
    "vnet, even as inherit, beside any ip4 or ip6 parameter is EINVAL":
        "parameters.test_vnet_is_only_passed_where_it_is_new_and_then_alone",
    "no host is a new one without a name, no ip4 and ip6 are no addresses, no sysv* none":
        "parameters.test_a_jail_of_which_nothing_is_said_shares_names_and_network_and_has_sysv_ipc_of_its_own",
    "host=inherit lets root of the jail rename the host, unless allow.set_hostname is taken away":
        "parameters.test_a_jail_of_which_nothing_is_said_shares_names_and_network_and_has_sysv_ipc_of_its_own",
    "host=inherit with a name becomes a new host without a word":
        "parameters.test_an_inherited_host_has_no_name_to_set",
    "the value of a boolean is ignored and taken for true": "codec.test_a_value_becomes_what_the_kernel_takes",
    "of two parameters of one name the last one counts":
        "parameters.test_every_property_has_its_parameter_in_both_directions",
    "a text with a NUL is cut, or EINVAL": "codec.test_a_value_that_the_kernel_would_cut_is_refused",
    "host.hostid has 8 bytes": "codec.test_buffers_have_the_size_that_the_kernel_asks_for",
    "errmsg is not written where there are no words": "iovec.test_an_error_without_words_has_those_of_its_number",
    "addresses that are repeated are EINVAL without a word, also in another spelling":
        "parameters.test_what_does_not_go_together_is_refused_by_its_path",
    "a clash of addresses is told without the parameter": "jail.test_an_address_that_clashes_names_the_property",
    "a limit of the parent is EPERM without a word":
        "explaining.test_what_a_parent_has_not_its_child_cannot_have",
    "children.max must be below that of the jail above, and does not bind the host":
        "undoing.test_a_parent_that_may_have_no_more_than_its_own_parent_is_left_as_it_is",
    "a numeric name is a jid, a dot names a parent":
        "names.test_a_name_is_the_id_but_for_what_the_kernel_reads_otherwise",
    "path reads back without links": "run.test_a_bundle_that_is_reached_by_a_link_is_a_bundle",
    "allow.mount.NAME is known only while NAME is loaded":
        "plan.test_everything_is_done_in_the_order_that_the_kernel_wants",
    "an update with JAIL_DYING and persist brings a dying jail back to life":
        "removal.test_no_dying_jail_is_ever_touched_by_an_update",
    # entering
    "jail_attach is EPERM while any directory is open, with O_PATH and O_CLOEXEC, too":
        "jail.test_no_directory_is_open_when_the_jail_is_entered "
        "jail.test_hooks_see_the_root_and_leave_no_directory_open "
        "run.test_who_passes_a_directory_on_is_told_why_nobody_enters",
    "a directory that is passed into a jail leads out of it":
        "init.test_only_the_three_standard_descriptors_are_open "
        "init.test_a_leaked_directory_of_the_host_is_no_working_directory",
    "a jail descriptor is inherited through execve(2)":
        "holding.test_a_jail_is_entered_by_its_descriptor_where_it_has_one",
    "closing an owning jail descriptor removes the jail": "jails.test_a_jail_has_descriptors_from_15_on",
    "protect(1) is EPERM from inside": "jail.test_a_protected_process_is_protected_before_it_enters",
    "of setgroups(2) the first is the effective group, which setgid(2) replaces":
        "rights.test_no_group_is_replaced_by_the_effective_one",
    "a limit above the system's is cut without a word":
        "rlimits.test_a_limit_that_the_kernel_will_cut_is_told_and_no_error",
    "some limits of Linux FreeBSD does not have": "rlimits.test_what_only_linux_limits_is_an_error",
    "who imports in the jail loads what is the jail's": "late.test_nothing_is_imported_late",
    # mounts
    "nullfs of a file over a file panics": "jail.test_no_file_is_mounted_on_a_kernel_that_panics",
    "nullfs of a directory over itself panics, by any spelling":
        "mounting.test_a_directory_over_itself_never_reaches_the_kernel",
    "whatever nmount does not find is an invalid fstype":
        "mounting.test_whatever_is_missing_is_not_called_an_invalid_type",
    "nullfs and fdescfs take any option": "options.test_an_option_that_is_not_known_is_refused",
    "tmpfs takes a bad size for no limit, a bad mode for its default":
        "options.test_what_tmpfs_would_read_as_no_limit_is_refused options.test_a_tmpfs_gets_numbers",
    "a nullfs cannot be changed by MNT_UPDATE": "replay.test_it_answers_as_the_real_kernel",
    "nmount follows links to its mount point": "jail.test_a_mount_point_that_was_exchanged_is_noticed",
    "links of the image lead out of it": "jail.test_links_of_the_image_lead_nowhere_else",
    "to mount does not fix a name: what is opened or copied there afterwards may be the host's":
        "run.test_no_rule_is_applied_to_the_devices_of_the_host run.test_nothing_is_copied_up_from_or_to_the_host",
    "f_mntonname has no links in it": "run.test_a_bundle_that_is_reached_by_a_link_is_a_bundle",
    "a devfs ruleset that is not loaded shows every device":
        "jail.test_what_the_host_lacks_is_told_with_the_property",
    "so does the one for what a jail mounts itself":
        "run.test_a_ruleset_for_what_a_jail_mounts_itself_must_be_loaded",
    "a device in a hidden directory is not seen": "mounts.test_devices_are_shown_in_the_devfs_of_the_jail",
    "a mount is busy until the last zombie is reaped":
        "removal.test_a_child_of_somebody_else_is_waited_for removal.test_a_child_of_ours_is_reaped",
    "by force an outer mount goes, and strands what is mounted in it":
        "unmounting.test_nothing_is_forced_while_a_strangers_mount_is_in_it",
    "what a jail mounted stays when it is gone": "unmounting.test_what_a_jail_mounted_itself_goes_with_it",
    "inner mounts hold the outer ones: the order is the reverse":
        "jail.test_removal_leaves_the_host_as_it_was",
    # the end
    "jail_remove returns before its processes are reaped": "removal.test_a_child_of_somebody_else_is_waited_for",
    "a descriptor that was made inside and is held outside keeps the jail":
        "removal.test_a_descriptor_that_was_made_inside_keeps_the_jail_but_not_us "
        "children.test_the_terminals_of_a_jail_that_goes_are_let_go",
    "a dying jail is not found by its name": "removal.test_a_jail_that_somebody_else_removed_is_waited_for_as_well",
    "the name is free while the old jail is dying, its jid is not":
        "removal.test_a_new_jail_has_the_name_while_the_old_one_is_dying",
    "a jid may be another jail's by the time it is used": "holding.test_another_jail_of_that_number_is_left_alone",
    "an interface comes back by the name it was given inside":
        "removal.test_an_interface_that_was_renamed_inside_is_no_hindrance",
    "and even where the host has another of that name":
        "removal.test_no_interface_comes_back_beside_another_of_its_name",
    "an alias can be removed under a jail that has the address":
        "undoing.test_an_address_that_another_jail_has_by_now_stays",
    "rules of rctl stay when the jail is gone, and bind the next one of its name":
        "jail.test_removal_leaves_the_host_as_it_was",
    # limits
    "racct is off unless the loader says otherwise": "jail.test_limits_without_accounting_say_what_to_do",
    "memoryuse:deny does nothing":
        "limits.test_what_engines_write_becomes_rules_where_it_has_a_meaning",
    "some resources cannot be denied, most not throttled": "limits.test_an_annotation_that_is_no_rule_is_refused",
    "units are EINVAL": "limits.test_annotations_are_rules",
    "an empty filter removes every rule of the machine": "structures.test_a_filter_that_matches_everything_is_refused",
    "a jail that is not there uses nothing, which is no error": "rctl.test_usage_is_told_for_a_jail_and_for_none",
    # processes
    "ki_start moves with the clock": "kinfo.test_stepping_the_clock_does_not_change_a_start",
    "KERN_PROC_ALL has a record for each thread": "processes.test_we_are_seen_with_our_start",
    "a jail calls its own jid 0": "processes.test_a_jail_sees_its_own_processes_only",
    "kinfo_proc may be of another size": "kinfo.test_another_kinfo_proc_is_refused",
    "one event tells of exec and exit": "processes.test_one_event_may_tell_of_exec_and_exit",
    "a kqueue is lost in a forked child": "queue.test_a_forked_child_has_no_watch",
    "a pid is given away: the watch may be of a stranger": "watch.test_another_start_is_a_stranger",
    "an exit during an outage is told to a zombie's watcher, and is lost once it is reaped":
        "watch.test_a_zombie_is_told_at_once",
    "EVFILT_JAIL is EINVAL before 15": "processes.test_events_of_jails_are_there_from_15_on",
    "a reaper gets all orphans: they must not hide others": (
        "reaping.test_a_fork_bomb_in_one_jail_does_not_delay_the_exit_of_another"
    ),
    # streams
    "a host's pty is not seen in the jail: it is made inside": "pty.test_a_pty_is_made_where_we_are",
    "without a devfs no slave can be opened inside": "pty.test_without_a_devfs_the_hosts_is_used",
    "a master reads an end, and no error, when the last slave is closed, for ever":
        "terminal.test_a_terminal_that_nobody_has_open_costs_nothing",
    "what nobody reads of a terminal is lost a second after its last slave closes":
        "terminal.test_the_exit_on_a_terminal_comes_behind_all_output",
    "a FIFO that somebody holds for reading and writing has no end": "process.test_an_exit_comes_behind_all_output",
    "the mode of mkfifo(2) heeds the umask": "stdio.test_modes_let_the_jail_in_and_nobody_else",
    "a message with no more room than its descriptors loses them":
        "channel.test_as_many_descriptors_as_a_message_may_bring",
    "15 joins messages of SOCK_SEQPACKET that do not say that they end": "report.test_each_message_says_that_it_ends",
    "nobody can bind to a new address of version 6 for a second":
        "addresses.test_an_address_of_version_6_can_be_bound_to_when_the_jail_is_there",
    # what other runtimes do wrong
    "they follow links of the image when they mount": "jail.test_links_of_the_image_lead_nowhere_else",
    "they leave the directory that tmpcopyup went by, and lose owners":
        "run.test_what_is_copied_up_keeps_its_owner_and_mode",
    "they unmount in the order of mounting": "jail.test_removal_leaves_the_host_as_it_was",
    "they let a process without env have theirs": "init.test_the_environment_is_exactly_that_of_the_bundle",
    "they take a process that has the pid now for the container's":
        "jail.test_signals_reach_the_init_process_or_everyone kill.test_a_stranger_is_never_signalled",
    "they take a zombie for a container that runs": "kill.test_a_zombie_is_stopped",
    "they cannot delete a container whose jail is gone": "jail.test_after_a_reboot_only_files_are_to_be_taken_away",
    "they ignore what they do not apply": "coverage.test_what_is_refused_is_named",
}  # fmt: skip


@cache
def _names(file: str) -> frozenset[str]:
    found = ast.walk(ast.parse((TESTS / file).read_text()))
    return frozenset(each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_has_its_tests(trap: str) -> None:
    """They are there, by these names."""
    for each in TRAPS[trap].split():
        file, _, name = each.partition(".")
        assert name in _names(FILES[file]), each


def test_no_file_is_named_in_vain() -> None:
    """Each is needed, and there."""
    named = {each.partition(".")[0] for tests in TRAPS.values() for each in tests.split()}

    assert {name for name in FILES if not (TESTS / FILES[name]).exists()} == set()
    assert named - set(FILES) == set()
    assert set(FILES) - named == set()
