"""Stand-ins that keep rows: jobs, requests, queues and secrets, as the project's owner has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edges.extensions.conftest import Ask


@pytest.fixture(scope="module", autouse=True)
def _created(ask: Ask) -> None:
    ask("create extension pg_cron with schema extensions")
    ask("create extension pg_net with schema extensions version '0.14.0'")
    ask("create extension pgmq; create extension supabase_vault; create extension pgsodium")
    ask("create extension http with schema extensions")


# pg_cron -----------------------------------------------------------------------------------------


def test_a_job_is_kept_under_its_name_and_whose_it_is(ask: Ask) -> None:
    ((named, again, unnamed),) = ask(
        "select cron.schedule('tidy', '0 3 * * *', 'a'), cron.schedule('tidy', '1 3 * * *', 'b'),"
        " cron.schedule('*/5 * * * *', 'c')"
    )
    assert named == again != unnamed
    assert ask(
        "select schedule, command, nodename, database = current_database(), username, active,"
        " jobname from cron.job order by jobid"
    ) == [
        ("1 3 * * *", "b", "localhost", True, "postgres", True, "tidy"),
        ("*/5 * * * *", "c", "localhost", True, "postgres", True, None),
    ]
    ask("select cron.alter_job(%s, schedule => '@daily', active => false)", named)
    assert ask("select schedule, active, command from cron.job where jobid = %s", named) == [
        ("@daily", False, "b")
    ]
    assert ask("select cron.unschedule('tidy'), cron.unschedule(%s)", unnamed) == [(True, True)]
    assert ask("select from cron.job") == []


def test_a_job_that_is_not_there_is_an_error_as_on_the_platform(ask: Ask) -> None:
    with pytest.raises(psycopg.errors.InternalError_, match="valid entry for job 'none'"):
        ask("select cron.unschedule('none')")
    with pytest.raises(psycopg.errors.InternalError_, match="does not exist or you don't own it"):
        ask("select cron.alter_job(999, active => true)")
    ask("do $$ begin perform cron.unschedule(jobid) from cron.job where jobname = 'no'; end $$")


def test_whose_a_job_is_does_not_depend_on_who_called_first(ask: Ask) -> None:
    ask("grant usage on schema cron to service_role")
    ask("set role service_role")
    ask("select cron.schedule('theirs', '@hourly', 'x')")
    assert ask("select username from cron.job") == [("service_role",)]
    ask("reset role")
    assert ask("select from cron.job") == []
    with pytest.raises(psycopg.errors.InternalError_, match="valid entry"):
        ask("select cron.unschedule('theirs')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        ask("insert into cron.job (schedule, command) values ('x', 'y')")


@pytest.mark.parametrize(
    "schedule",
    [
        *("* * * * *", "0 0 $ * *", "@hourly", "30 seconds", "1 second", "1-5/2,7 * * jan,dec sun"),
        *(
            " 5 4 * * *",
            "5-1 * * * *",
            "*/15,*/20 0-23 1-31 1-12 0-7",
            "0 9 * * MON-FRI",
            "5\t4 * * *",
        ),
    ],
)
def test_schedules_that_pg_cron_takes_are_taken(ask: Ask, schedule: str) -> None:
    ask("select cron.unschedule(cron.schedule(%s, 'x'))", schedule)


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "* * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8"),
        *(
            "*/0 * * * *",
            "1/2 * * * *",
            "@Daily",
            "a b c d e",
            "60 seconds",
            "0 seconds",
            "every day",
        ),
        *("1,, * * * *", "-1 * * * *", "* * * foo *", "@never"),
    ],
)
def test_schedules_that_pg_cron_refuses_are_refused(ask: Ask, schedule: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid schedule"):
        ask("select cron.schedule(%s, 'x')", schedule)


def test_it_stands_where_the_platform_puts_it(ask: Ask) -> None:
    assert ask(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'pg_cron'"
    ) == [("pg_catalog",)]


# pg_net and http ---------------------------------------------------------------------------------


def test_a_request_is_queued_and_its_number_returned(ask: Ask) -> None:
    ((posted, got, deleted),) = ask(
        """select
        net.http_post('http://a.invalid/?b', '{"a": 1}', params => '{"x y": "ä&"}'),
        net.http_get(url := 'http://a.invalid', headers := '{"A": "b"}'),
        net.http_delete('http://a.invalid', timeout_milliseconds => 10)"""
    )
    assert ask(
        "select id, method::text, url, headers, convert_from(body, 'UTF8'), timeout_milliseconds"
        " from net.http_request_queue order by id"
    ) == [
        (
            *(posted, "POST", "http://a.invalid/?b&x%20y=%C3%A4%26"),
            *({"Content-Type": "application/json"}, '{"a": 1}', 5000),
        ),
        (got, "GET", "http://a.invalid", {"A": "b"}, None, 5000),
        (deleted, "DELETE", "http://a.invalid", {}, None, 10),
    ]
    ((status,),) = ask("select (net.http_collect_response(%s)).status::text", posted)
    assert status == "PENDING"
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="never sent"):
        ask("select net.http_collect_response(%s, async => false)", posted)
    assert ask("select * from net._http_response") == []


def test_a_request_that_would_be_waited_for_is_refused(ask: Ask) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported, match=r"GET http://a\.invalid was not"):
        ask("select content from http_get('http://a.invalid')")
    assert ask("select urlencode('a b&ä~'), (http_header('a', 'b')).value") == [
        ("a+b%26%C3%A4~", "b")
    ]


# pgmq --------------------------------------------------------------------------------------------


def test_messages_go_through_a_queue(ask: Ask) -> None:
    ask("select pgmq.create('Jobs')")
    assert ask("select * from pgmq.send('Jobs', '{\"n\": 1}')") == [(1,)]
    assert ask(
        "select * from pgmq.send_batch('Jobs', array['{\"n\": 2}', '{\"n\": 3}']::jsonb[])"
    ) == [(2,), (3,)]
    assert ask("select * from pgmq.send('Jobs', '{\"n\": 4}', 3600)") == [(4,)]
    read = ask("select msg_id, read_ct, message from pgmq.read('Jobs', 30, 2)")
    assert read == [(1, 1, {"n": 1}), (2, 1, {"n": 2})]
    assert ask("select msg_id from pgmq.pop('Jobs')") == [(3,)]
    assert ask("select * from pgmq.pop('Jobs')") == []  # taken, or for later
    assert ask("select * from pgmq.read_with_poll('Jobs', 1, 1, 0)") == []
    assert ask(
        "select pgmq.archive('Jobs', 1), pgmq.delete('Jobs', 2), pgmq.delete('Jobs', 9)"
    ) == [(True, True, False)]
    assert ask("select msg_id, message from pgmq.a_jobs") == [(1, {"n": 1})]
    assert ask(
        "select queue_length, total_messages, queue_visible_length from pgmq.metrics('Jobs')"
    ) == [(1, 4, 0)]
    assert ask("select queue_name, is_unlogged from pgmq.list_queues()") == [("Jobs", False)]
    assert ask("select pgmq.purge_queue('Jobs'), pgmq.drop_queue('Jobs')") == [(1, True)]
    assert ask("select to_regclass('pgmq.q_jobs'), count(*) from pgmq.list_queues()") == [(None, 0)]


def test_headers_conditions_and_later_times_are_heeded(ask: Ask) -> None:
    ask("select pgmq.create_unlogged('u')")
    ask("""select pgmq.send('u', '{"k": 1}', '{"h": 1}'::jsonb), pgmq.send('u', '{"k": 2}')""")
    assert ask("select headers from pgmq.read('u', 0, 5, '{\"k\": 1}')") == [({"h": 1},)]
    assert ask("select vt > now() + interval '50 s' from pgmq.set_vt('u', 2, 60)") == [(True,)]
    with pytest.raises(psycopg.errors.RaiseException, match="too long"):
        ask("select pgmq.create(repeat('x', 48))")


# supabase_vault and pgsodium ---------------------------------------------------------------------


def test_a_secret_is_kept_and_read(ask: Ask) -> None:
    ((id_,),) = ask("select vault.create_secret('hush', 'key', 'for a test')")
    ((decrypted, stored),) = ask(
        "select decrypted_secret, secret from vault.decrypted_secrets where name = 'key'"
    )
    assert decrypted == "hush" != stored
    ask("select vault.update_secret(%s, 'other', new_description => 'd')", id_)
    assert ask("select name, description, decrypted_secret from vault.decrypted_secrets") == [
        ("key", "d", "other")
    ]
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask("select vault.create_secret('x', 'key')")


def test_what_another_key_has_encrypted_reads_as_nothing(
    ask: Ask, admin_of: Callable[[], psycopg.Connection[tuple[object, ...]]]
) -> None:
    with admin_of() as admin:
        admin.execute("insert into vault.secrets (name, secret) values ('old', 'dGhlIGNpcGhlcg==')")
    assert ask("select decrypted_secret from vault.decrypted_secrets where name = 'old'") == [
        (None,)
    ]


def test_keys_have_names_and_what_is_encrypted_comes_back(ask: Ask) -> None:
    ((key,),) = ask("select id from pgsodium.create_key(name => 'k')")
    assert ask(
        """select convert_from(pgsodium.crypto_aead_det_decrypt(
        pgsodium.crypto_aead_det_encrypt('x', 'a', %s::uuid), 'a', %s::uuid), 'utf8')""",
        *(key, key),
    ) == [("x",)]


def test_who_restores_gets_the_place_that_the_archive_names(
    admin_of: Callable[[], psycopg.Connection[tuple[object, ...]]],
) -> None:
    with admin_of() as admin:
        admin.execute("drop extension pg_cron; create extension pg_cron with schema extensions")
        (place,) = admin.execute(
            "select extnamespace::regnamespace::text from pg_extension where extname = 'pg_cron'"
        ).fetchall()
        assert place == ("extensions",)
        owner = admin.execute(
            "select distinct proowner::regrole::text from pg_proc "
            "where pronamespace = 'pgmq'::regnamespace"
        ).fetchall()
        assert owner == [("postgres",)]
        admin.rollback()
