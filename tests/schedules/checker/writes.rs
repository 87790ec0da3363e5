//! No lost update, nothing brought back, one record per user.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Action, Fields, History, Outcome, State, Version};

pub(super) fn problems(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, states) in &history.states {
        let mut landed = BTreeSet::new();
        for index in 1..states.len() {
            let Some(version) = &states[index].version else { continue };
            let label = history.label(name, index);
            let before = states[index - 1].version.as_ref();
            if let Err(problem) = check(history, &states[..index], before, version) {
                problems.push(format!("{label} {problem}"));
            }
            if let Some(intent) = version.intent()
                && !landed.insert((intent, version.arn.as_str()))
            {
                problems.push(format!("{label} has landed before, so it undoes what came in between"));
            }
        }
    }
    problems.extend(acknowledged(history));
    problems.extend(not_deleted(history));
    problems.extend(two_of_a_user(history));
    problems
}

/// Whether a version is what its save makes of the one before it.
fn check(
    history: &History,
    earlier: &[State],
    before: Option<&Version>,
    version: &Version,
) -> Result<(), String> {
    let intent = version.intent().and_then(|number| history.intents.get(&number));
    let intent = intent.ok_or("was written by nobody")?;
    let Some(before) = before.filter(|before| before.arn == version.arn) else {
        if intent.is_of_a_found_token {
            return Err("brings back a deleted record: it was built from a token that was found".to_owned());
        }
        let is_whole = version.fields == intent.given;
        return if is_whole { Ok(()) } else { Err(format!("is not what was given: {:?}", intent.given)) };
    };
    let (given, was, is) = (&intent.given, &before.fields, &version.fields);
    let names: BTreeSet<_> = was.keys().chain(is.keys()).chain(given.keys()).collect();
    for name in names.into_iter().filter(|name| *name != "id") {
        let [given, was, is] = [given, was, is].map(|fields: &Fields| fields.get(name));
        let is_cleared = is.is_none() && name == "expiry_time";
        if is != was && (is != given || is.is_none()) && !is_cleared {
            return Err(format!(
                "has another {name} than the version before it, which its save did not give"
            ));
        }
        if name == "expiry_time" {
            continue;
        }
        // What equals a version that the save may have started from counts as not given.
        let may_be_known = || {
            let versions = earlier.iter().filter_map(|state| state.version.as_ref());
            versions.map(|version| version.fields.get(name)).any(|known| known == given)
        };
        if given.is_some() && is != given && !may_be_known() {
            return Err(format!("lacks the {name} that its save gave"));
        }
    }
    let expiry = |fields: &Fields| fields.get("expiry_time").cloned();
    let access = |fields: &Fields| fields.get("access_token").cloned();
    if access(is) != access(was) && expiry(is) != expiry(given) {
        return Err("has the expiry of another access token".to_owned());
    }
    if access(is) == access(was)
        && expiry(is) != expiry(was)
        && access(given).is_some_and(|it| Some(it) != access(is))
    {
        return Err("has the expiry of another access token".to_owned());
    }
    Ok(())
}

/// What was acknowledged has landed as it was returned, and before it was returned.
fn acknowledged(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, call) in history.calls.iter().enumerate() {
        let (Action::Save { intent }, Some((ended, Outcome::Token(Some(token))))) =
            (&call.action, &call.ended)
        else {
            continue;
        };
        let landed = history.states_of(&token.name).iter().any(|state| {
            let version = state.version.as_ref();
            state.stamp < *ended
                && version.is_some_and(|version| {
                    version.intent() == Some(*intent) && version.fields == token.fields
                })
        });
        if !landed {
            problems.push(format!("#{number} was acknowledged, and what it returned is nowhere"));
        }
    }
    problems
}

/// At some time during a deletion there is nothing of that name.
fn not_deleted(history: &History) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, call) in history.calls.iter().enumerate() {
        let (Action::Delete { of: Some(of), .. }, Some((ended, Outcome::Done))) = (&call.action, &call.ended)
        else {
            continue;
        };
        let states = history.states_of(of);
        let first = states.iter().rposition(|state| state.stamp <= call.begun.stamp).unwrap_or_default();
        let mut during = states[first..].iter().take_while(|state| state.stamp < *ended);
        if during.all(|state| state.version.is_some()) {
            problems.push(format!("#{number} was acknowledged, and has deleted nothing"));
        }
    }
    problems
}

/// At no time two records hold one user.
fn two_of_a_user(history: &History) -> Vec<String> {
    let mut events: Vec<_> = history
        .states
        .iter()
        .flat_map(|(name, states)| {
            states.iter().enumerate().map(move |(index, state)| (state.stamp, name, index, state))
        })
        .collect();
    events.sort_by_key(|(stamp, ..)| *stamp);
    let mut problems = Vec::new();
    let mut users: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, name, index, state) in events {
        users.retain(|_, of| of != name);
        let user = state.version.as_ref().and_then(|version| version.fields.get("user_name"));
        if let Some(user) = user
            && let Some(other) = users.insert(user, name)
        {
            let label = history.label(name, index);
            problems.push(format!("{label} is a second record of {user}, beside {other}"));
        }
    }
    problems
}
