"""Does by token_store.py what a test asks for: a JSON object a line, and an answer to each."""
import json
import sys

import boto3
from token_store import TokenError, TokenStore, Unfinished

client = boto3.client("secretsmanager")
store = TokenStore(client, sys.argv[1])
found = unfinished = None


def answer(value):
    print(json.dumps(value), flush=True)


def pause_before(operation):
    """The next such request waits for a line, which says whether the one after it does, too."""
    event = f"before-call.secrets-manager.{operation}"

    def wait(**_):
        answer({"paused": operation})
        if json.loads(sys.stdin.readline()) != "stop again":
            client.meta.events.unregister(event, wait)

    client.meta.events.register(event, wait)
    return {}


def saved(save):
    global unfinished
    try:
        return {"saved": save().members}
    except Unfinished as error:
        unfinished = error
        return {"error": "Unfinished"}
    except (TokenError, ValueError) as error:
        return {"error": type(error).__name__, "message": str(error)}


def find(user):
    global found
    try:
        found = store.find(user)
        return {"found": found and found.members}
    except TokenError as error:
        return {"error": type(error).__name__, "message": str(error)}


def race(user, field, times):
    """Each change is based on what an earlier save returned."""
    token = store.find(user)
    for number in range(times):
        token = store.save(user, {f"{field}-{number}": "1"}, token)
    return {}


DO = {
    "find": find,
    "save": lambda user, changes: saved(lambda: store.save(user, changes)),
    "save_found": lambda user, changes: saved(lambda: store.save(user, changes, found)),
    "again": lambda: saved(lambda: unfinished.again()),
    "delete": lambda user: store.delete(user),
    "pause_before": pause_before,
    "race": race,
}

while line := sys.stdin.readline():
    name, *arguments = json.loads(line)
    answer(DO[name](*arguments))
