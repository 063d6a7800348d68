"""The report of a run."""


include: "../inputs/report.smk"


rule build_report:
    """A site that opens from disk with no network: pages of the run, its papers and its datasets."""
    input:
        datasets=lambda w: [
            f"results/datasets/{study.dataset_id}/{name}"
            for study in run_so_far().studies
            for name in ("manifest.csv", "scan.json", "duplicates.json")
        ],
        # What they say of themselves is told.
        features=lambda w: [
            f"results/features/{study.dataset_id}/{part}.h5"
            for study in run_so_far().studies
            for part in plan.used_parts(study)
        ],
        weights=[RESULTS.weights(name) for name in WEIGHTS],
        audits=expand(rules.audit_published.output.audit, study=AUDITED),
        studies=lambda w: [
            file
            for study in run_so_far().studies
            for file in plan.study_results(RUN, study)
        ],
        splits=lambda w: [
            table for study in run_so_far().studies for table in split_tables(study)
        ],
        trainings=lambda w: [
            file
            for study in run_so_far().studies
            for protocol in study.protocols
            for file in plan.training_files(study, folder_of(study), protocol)
        ],
    output:
        page="results/{run}/report/index.html",
        papers=expand("results/{{run}}/report/paper_{study}.html", study=AUDITED),
        audits=expand("results/{{run}}/report/audit_{study}.html", study=AUDITED),
        methods="results/{run}/report/methods.html",
        provenance="results/{run}/report/provenance.html",
        crate="results/{run}/report/ro-crate-metadata.json",
        workflow=directory("results/{run}/report/workflow"),
        assets=directory("results/{run}/report/assets"),
        data=directory("results/{run}/report/data"),
        figures=report(
            directory("results/{run}/report/figures"),
            patterns=["{study}/{figure}.svg"],
            caption="../report/figure.rst",
            category="{study}",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/build_report/{run}.txt",
    benchmark:
        "results/benchmarks/build_report/{run}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("report build", *entries_of(*RUN.studies)),
        spec=digest(RUN),
        # Copied into the report. What jobs were measured at is read too, and followed by nothing: it is another each time
        # that a job runs, whatever the job makes, so that a report that followed it would never be up to date.
        workflow=[sha256_once(file) for file in workflow_files()],
        # Shown where it is there, and no input: a report does not ask for it.
        validity=lambda w: content_of(RESULTS.validity),
        config=lambda w: f"results/{w.run}/config.json",
        folder=lambda w: f"results/{w.run}/report",
        kept=lambda w: f"results/{w.run}/drawn",
    message:
        "Writing the report of {wildcards.run}"
    shell:
        r"""
        leukorepro report build \
            --config {params.config:q} \
            --workers {threads} \
            --kept {params.kept:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """
