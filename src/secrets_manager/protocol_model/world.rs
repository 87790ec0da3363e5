//! The service, the processes, and what can go wrong between them.

use std::cell::Cell;

use super::explorer::{Model, Step};
use super::process::{Acknowledged, Memory, Operation, Outcome, Progress, run};
use super::request::{Answer, Arn, Request};
use super::rules::Rules;
use super::service::{Deletion, Flaw, Service};
use super::token::{Content, Field, Name};

/// How often what can go wrong does: what is 0 never happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Trouble {
    /// Requests without an answer: carried out at once, later or never.
    pub(super) lost_answers: u8,
    /// Reads that see an older state.
    pub(super) stale_reads: u8,
    /// Processes that end at any point.
    pub(super) crashes: u8,
    /// Somebody moves AWSCURRENT back.
    pub(super) roll_backs: u8,
    /// Somebody writes a value.
    pub(super) edits: u8,
    /// Somebody schedules the secret for deletion.
    pub(super) schedulings: u8,
    /// Somebody restores it.
    pub(super) restorations: u8,
}

/// What is explored.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) record: Option<Content>,
    pub(super) is_scheduled: bool,
    /// Each process does one thing after the other.
    pub(super) processes: Vec<Vec<Operation>>,
    pub(super) trouble: Trouble,
    /// How many states back a stale read sees at most.
    pub(super) staleness: usize,
    /// How often an operation can wait before its deadline.
    pub(super) patience: usize,
    pub(super) deletions_linger: bool,
    /// A repeated Create is told «exists», as LocalStack does, where AWS knows its token.
    pub(super) creates_are_forgotten: bool,
    /// A request can arrive even after its repetition was answered.
    pub(super) overtaking: bool,
    pub(super) rules: Rules,
    pub(super) judged: Judged,
    /// The most requests that one operation took.
    pub(super) longest: Cell<usize>,
}

/// What else than the flaws of every scene is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Judged {
    /// A save that was told that it has landed must have written that version itself.
    pub(super) own_writes: bool,
    /// Nothing is in the way, so every operation succeeds within its patience.
    pub(super) success: bool,
    /// No roll-back is undone, whoever held the version before it.
    pub(super) roll_backs_stay: bool,
    /// Nothing that was found in a deleted login gets into a new one.
    pub(super) logins_stay_apart: bool,
    /// What the OAuth server handed out last is stored, or some process still has it.
    pub(super) exchanges_are_kept: bool,
    /// One record for an own id.
    pub(super) one_record_for_an_own_id: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    service: Service,
    processes: Vec<Process>,
    /// Requests without an answer that may still arrive, and whose they are.
    late: Vec<(usize, Request, bool)>,
    trouble: Trouble,
    acknowledged: Vec<Acknowledged>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Process {
    /// How many operations have ended.
    done: usize,
    memory: Memory,
    answers: Vec<Answer>,
    /// What it waits for; none at its end.
    request: Option<Request>,
    has_crashed: bool,
    /// What a deletion has to delete.
    was_there: Option<Arn>,
}

impl Scene {
    fn operation(&self, process: usize, done: usize) -> Option<Operation> {
        self.processes[process].get(done).copied()
    }

    /// Lets a process go on until it waits for an answer or has nothing left to do.
    fn go_on(&self, world: &mut World, who: usize) -> Result<String, Flaw> {
        let mut narration = String::new();
        loop {
            let process = &mut world.processes[who];
            let Some(operation) = self.operation(who, process.done) else {
                process.request = None;
                return Ok(narration);
            };
            if process.answers.is_empty() {
                process.was_there = world.service.usable(Name::OfUser).map(|secret| secret.arn);
            }
            self.longest.set(self.longest.get().max(process.answers.len()));
            let progress = run(who, operation, &process.memory, &process.answers, self.rules, self.patience);
            match progress {
                Progress::Waiting(request) => {
                    process.request = Some(request);
                    return Ok(narration);
                }
                Progress::Ended(outcome, memory) => {
                    narration += &format!(", so {outcome:?}");
                    process.memory = memory;
                    process.done += 1;
                    process.answers.clear();
                    let was_there = process.was_there.take();
                    self.judge_outcome(world, operation, outcome, was_there)?;
                }
            }
        }
    }

    fn judge_outcome(
        &self,
        world: &mut World,
        operation: Operation,
        outcome: Outcome,
        was_there: Option<Arn>,
    ) -> Result<(), Flaw> {
        match outcome {
            Outcome::Saved(acknowledged) => world.acknowledged.push(acknowledged),
            Outcome::Failed { kind, .. } if self.judged.success && kind.is_retryable() => {
                return Err(format!("{kind:?}, though nothing was in the way"));
            }
            Outcome::Failed { kind, leaves_a_token: false } if operation.is_save() && kind.is_retryable() => {
                return Err(format!("{kind:?} without a token to save again"));
            }
            Outcome::Deleted if operation == Operation::Delete => {
                let there = world.service.usable(Name::OfUser).map(|secret| secret.arn);
                if there.is_some() && there == was_there {
                    return Err("a deletion has returned, and what it was to delete is there".into());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What must hold in every state.
    fn judge(&self, world: &World) -> Result<(), Flaw> {
        let users = Name::ALL.into_iter().filter_map(|name| world.service.usable(name));
        if users.filter(|secret| secret.content().get(Field::User) != 0).count() > 1 {
            return Err("two records for one user".into());
        }
        let holders = Name::ALL.into_iter().filter_map(|name| world.service.usable(name));
        let holders = holders.filter(|secret| secret.content().get(Field::OwnId) != 0).count();
        if self.judged.one_record_for_an_own_id && holders > 1 {
            return Err("two records for one own id".into());
        }
        world.acknowledged.iter().try_for_each(|save| self.judge_save(world, save))?;
        if self.judged.exchanges_are_kept {
            self.judge_exchanges(world)?;
        }
        Ok(())
    }

    /// A save that has returned is stored, or was superseded.
    fn judge_save(&self, world: &World, save: &Acknowledged) -> Result<(), Flaw> {
        let Some(secret) = world.service.usable(save.record.name) else {
            return Ok(());
        };
        if secret.arn != save.record.arn {
            return Ok(());
        }
        let Some(place) = secret.versions.iter().position(|version| version.id == save.record.id) else {
            return Err("a save has returned and its version is not there".into());
        };
        let version = &secret.versions[place];
        let is_own = version.value.ghost.by == Some(save.save);
        if self.judged.own_writes && save.has_written && !is_own {
            return Err("a save was told that it has landed, and another's write is there".into());
        }
        if version.is_undone && (is_own || !save.has_written) {
            return Ok(());
        }
        for field in Field::ALL {
            let (given, is) = (save.gives.get(field), secret.content().get(field));
            let mut later = secret.versions[place + 1..].iter();
            if given != 0 && is != given && !later.any(|later| later.value.ghost.gives.get(field) != 0) {
                return Err(format!("{field:?}={given} of a save that has returned is lost: it is {is}"));
            }
        }
        Ok(())
    }

    fn judge_exchanges(&self, world: &World) -> Result<(), Flaw> {
        for (process, operations) in world.processes.iter().zip(&self.processes) {
            let exchanged = operations.get(process.done) == Some(&Operation::Rotate);
            if process.has_crashed && exchanged && process.memory.found.is_some() {
                let secret = world.service.usable(Name::OfUser);
                let by_it = secret.is_some_and(|secret| {
                    secret.versions.iter().any(|version| version.value.ghost.gives.get(Field::Refresh) != 0)
                });
                if !by_it {
                    return Err(
                        "what the OAuth server handed out is lost, and what is stored is spent".into()
                    );
                }
            }
        }
        Ok(())
    }
}

/// One step in the making.
struct Happening<'a> {
    scene: &'a Scene,
    world: World,
    narration: String,
}

impl Happening<'_> {
    fn end(mut self, outcome: Result<(), Flaw>) -> Step<World> {
        let (scene, world) = (self.scene, &mut self.world);
        let past = if world.trouble.stale_reads == 0 { 0 } else { scene.staleness };
        world.service.forget_past(past);
        let next = outcome.and_then(|()| scene.judge(&self.world));
        Step { narration: self.narration, next: next.map(|()| self.world) }
    }

    /// `who` gets an answer.
    fn answered(mut self, who: usize, answer: Answer) -> Step<World> {
        self.narration += &format!(" -> {answer}");
        self.world.processes[who].answers.push(answer);
        let outcome = self.scene.go_on(&mut self.world, who);
        let outcome = outcome.map(|narration| self.narration += &narration);
        self.end(outcome)
    }
}

impl Model for Scene {
    type State = World;

    fn initial(&self) -> World {
        let process = Process {
            done: 0,
            memory: Memory::default(),
            answers: Vec::new(),
            request: None,
            has_crashed: false,
            was_there: None,
        };
        let mut world = World {
            service: Service::new(self),
            processes: vec![process; self.processes.len()],
            late: Vec::new(),
            trouble: self.trouble,
            acknowledged: Vec::new(),
        };
        for who in 0..self.processes.len() {
            self.go_on(&mut world, who).expect("nothing has happened yet");
        }
        world
    }

    fn steps(&self, world: &World, narrated: bool) -> Vec<Step<World>> {
        let mut steps = Vec::new();
        let happening = |narration: &dyn Fn() -> String| Happening {
            scene: self,
            world: world.clone(),
            narration: if narrated { narration() } else { String::new() },
        };
        for who in 0..world.processes.len() {
            self.steps_of(who, world, &happening, &mut steps);
        }
        for late in 0..world.late.len() {
            let (who, request, by_save) = world.late[late];
            let mut happening = happening(&|| format!("process {who}'s {request} arrives late"));
            happening.world.late.remove(late);
            let outcome = happening.world.service.execute(&request, by_save).and_then(|_| {
                let is_acknowledged = world.acknowledged.iter().any(|save| request.is_create_of(save.save));
                if is_acknowledged && happening.world.service != world.service {
                    return Err("a Create has arrived after its save had returned and was deleted".into());
                }
                Ok(())
            });
            steps.push(happening.end(outcome));
        }
        for name in Name::ALL {
            self.steps_by_hand(name, world, &happening, &mut steps);
        }
        steps
    }
}

impl Scene {
    fn steps_of<'a>(
        &'a self,
        who: usize,
        world: &World,
        happening: &impl Fn(&dyn Fn() -> String) -> Happening<'a>,
        steps: &mut Vec<Step<World>>,
    ) {
        let process = &world.processes[who];
        let Some(request) = process.request.filter(|_| !process.has_crashed) else {
            return;
        };
        let operation = self.operation(who, process.done).expect("it is under way");
        let by_save = operation.is_save();
        let narration = || format!("process {who} ({operation}): {request}");

        if request.is_change() {
            let mut now = happening(&narration);
            if !self.overtaking {
                now.world.late.retain(|late| *late != (who, request, by_save));
            }
            match now.world.service.execute(&request, by_save) {
                Ok(answer) => {
                    let is_create = matches!(request, Request::Write(write) if write.is_create);
                    if self.creates_are_forgotten
                        && is_create
                        && matches!(answer, Answer::Landed(_))
                        && now.world.service == world.service
                    {
                        steps.push(now.answered(who, Answer::Taken));
                        return;
                    }
                    steps.push(now.answered(who, answer));
                }
                Err(flaw) => steps.push(now.end(Err(flaw))),
            }
        } else {
            let mut answers = Vec::new();
            let past = if world.trouble.stale_reads == 0 { 0 } else { world.service.past() };
            for states_back in 0..=past {
                let answer = world.service.read(&request, states_back);
                if answers.contains(&answer) {
                    continue;
                }
                let mut read = happening(&narration);
                if states_back > 0 {
                    read.world.trouble.stale_reads -= 1;
                    read.narration += ", stale";
                }
                answers.push(answer.clone());
                steps.push(read.answered(who, answer));
            }
        }
        if world.trouble.lost_answers > 0 {
            let mut lost = happening(&narration);
            lost.world.trouble.lost_answers -= 1;
            if request.is_change() {
                lost.world.late.push((who, request, by_save));
            }
            steps.push(lost.answered(who, Answer::Lost));
        }
        if world.trouble.crashes > 0 {
            let mut crash = happening(&|| format!("process {who} crashes after {request}"));
            crash.world.trouble.crashes -= 1;
            crash.world.processes[who].has_crashed = true;
            crash.world.processes[who].request = None;
            if request.is_change() {
                crash.world.late.push((who, request, by_save));
            }
            steps.push(crash.end(Ok(())));
        }
    }

    fn steps_by_hand<'a>(
        &'a self,
        name: Name,
        world: &World,
        happening: &impl Fn(&dyn Fn() -> String) -> Happening<'a>,
        steps: &mut Vec<Step<World>>,
    ) {
        let Some(secret) = world.service.secret(name) else {
            return;
        };
        match secret.deletion {
            Some(Deletion::Lingering) => {
                let mut purged = happening(&|| format!("{name} is gone"));
                purged.world.service.purge(name);
                steps.push(purged.end(Ok(())));
            }
            Some(Deletion::Scheduled) if world.trouble.restorations > 0 => {
                let mut restored = happening(&|| format!("somebody restores {name}"));
                restored.world.trouble.restorations -= 1;
                restored.world.service.set_scheduled(name, false);
                steps.push(restored.end(Ok(())));
            }
            Some(Deletion::Scheduled) => {}
            None => {
                if world.trouble.schedulings > 0 {
                    let mut scheduled = happening(&|| format!("somebody schedules {name} for deletion"));
                    scheduled.world.trouble.schedulings -= 1;
                    scheduled.world.service.set_scheduled(name, true);
                    steps.push(scheduled.end(Ok(())));
                }
                if world.trouble.edits > 0 {
                    let mut edited = happening(&|| format!("somebody sets x=9 in {name}"));
                    edited.world.trouble.edits -= 1;
                    edited.world.service.edit(name, Field::X, 9);
                    steps.push(edited.end(Ok(())));
                }
                for to in (0..secret.current).filter(|_| world.trouble.roll_backs > 0) {
                    let mut rolled_back = happening(&|| format!("somebody rolls {name} back"));
                    rolled_back.world.trouble.roll_backs -= 1;
                    rolled_back.world.service.roll_back(name, to);
                    steps.push(rolled_back.end(Ok(())));
                }
            }
        }
    }
}
