//! Loading files: a first look (`intake`), then the rows of each file in frames of bounded size (`file`).

mod columns;
mod file;
mod keys;
mod merging;

use super::types::{FileReport, LoadReport, LoadRequest};
use super::write::check_source;
use super::{Db, Level, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::intake::{LoadPlan, Phase, Progress, Watch, check_request, plan_load};
use file::FileLoad;
use std::ops::ControlFlow;

const BROKEN_SHOWN: usize = 100;

impl Db {
    /// Loads files. The same request again goes on where an earlier one was interrupted.
    ///
    /// # Errors
    /// `Invalid` when the request does not fit a file, or when it is strict and a row is broken, and then nothing is
    /// loaded; `NotFound`, `Io`, `Closed`.
    pub fn load(&self, request: &LoadRequest) -> Result<LoadReport> {
        self.load_with(request, &mut |_| ControlFlow::Continue(()))
    }

    /// Loads files and tells how far it is, at the end of each frame. Who is told may stop the load there: what it has
    /// written stays in force, and the same request again goes on behind it.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_with(
        &self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<LoadReport> {
        check_source(&request.source)?;
        if request.inputs.is_empty() {
            return Err(Error::invalid("a load needs at least one file"));
        }
        check_request(request)?;
        {
            let mut writer = self.inner.writer.lock();
            self.inner.writable(&mut writer)?;
            writer.taken(&request.source)?;
        }
        let mut watch = Watch::new(progress, &request.inputs);
        let mut report = LoadReport {
            files: Vec::new(),
            broken: Vec::new(),
            position: Position(0),
            level: Level::Group,
            interrupted: false,
            held: false,
            breaches: Vec::new(),
        };
        let mut consents = false;
        match plan_all(request, &mut watch, self.inner.load_threads)? {
            Some(plans) => {
                consents = self.load_planned(request, &plans, &mut watch, &mut report)?;
            }
            None => report.interrupted = true,
        }
        report.broken.truncate(BROKEN_SHOWN);
        let end = {
            let mut writer = self.inner.writer.lock();
            self.inner.publish(&mut writer)?;
            report.breaches = self.inner.check_load(&mut writer, &request.source)?;
            report.held = writer.held(&request.source);
            writer.log.next()
        };
        report.level = request.level.unwrap_or(if consents { Level::Sync } else { Level::Group });
        self.inner.reach(end, report.level)?;
        report.position = last_before(end);
        Ok(report)
    }

    /// Loads files that were looked at; says whether they tell what persons allowed.
    fn load_planned(
        &self,
        request: &LoadRequest,
        plans: &[Result<LoadPlan>],
        watch: &mut Watch<'_>,
        report: &mut LoadReport,
    ) -> Result<bool> {
        let mut consents = false;
        for (input, plan) in request.inputs.iter().zip(plans) {
            watch.begin(Phase::Rows, input.name());
            report.interrupted |= !watch.goes_on(Some(0), 0);
            if report.interrupted {
                break;
            }
            let plan = match plan {
                Ok(plan) => plan,
                Err(failed) => {
                    let (name, failure) = (input.name(), Some(failed.message().to_owned()));
                    report.files.push(FileReport { name, failure, ..FileReport::default() });
                    continue;
                }
            };
            report.broken.extend(plan.broken.iter().cloned());
            let mut file = FileLoad::new(&self.inner, request, plan, input)?;
            let whole = file.run(input, watch);
            file.end_merging();
            let whole = whole?;
            consents |= file.consents;
            let done = file.finish(whole)?;
            report.interrupted |= !whole;
            report.files.push(done);
        }
        Ok(consents)
    }
}

/// Looks at all files. One that cannot be read does not keep the others out, unless the load is strict or there is no
/// other. Nothing when it was told to stop.
fn plan_all(
    request: &LoadRequest,
    watch: &mut Watch<'_>,
    ahead: bool,
) -> Result<Option<Vec<Result<LoadPlan>>>> {
    let mut plans = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        let plan = match plan_load(request, input, watch, ahead) {
            Err(failed) if request.strict || request.inputs.len() == 1 => return Err(failed),
            Ok(None) => return Ok(None),
            Ok(Some(plan)) => Ok(plan),
            Err(failed) => Err(failed),
        };
        if let (true, Ok(plan)) = (request.strict, &plan) {
            if plan.broken_count > 0 {
                let first = plan.broken.first().map(ToString::to_string).unwrap_or_default();
                return Err(Error::invalid(format!(
                    "{} broken rows, nothing was loaded; the first is {first}",
                    plan.broken_count
                )));
            }
            if !plan.trouble.said.is_empty() {
                let (name, said) = (input.name(), &plan.trouble.said);
                return Err(Error::invalid(format!("{name}: {said}; nothing was loaded")));
            }
        }
        plans.push(plan);
    }
    Ok(Some(plans))
}
