"""What is true of the printed numbers and of the runs: audits, verdicts, controls, leakage."""


include: "../inputs/truth.smk"


rule audit_published:
    """Contradictions in the numbers that a paper prints; arithmetic alone, no data."""
    input:
        published=lambda w: published_path(w.study),
    output:
        audit="results/audit/{study}.json",
    log:
        "logs/audit_published/{study}.txt",
    benchmark:
        "results/benchmarks/audit_published/{study}.tsv"
    # First, so that a mistake in what is declared of a paper is known early.
    priority: FIRST
    # A second of arithmetic: not worth a place in a cluster's queue.
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("audit published"),
        spec=declared_facts,
    message:
        "Checking the arithmetic of the numbers that {wildcards.study} prints"
    shell:
        r"""
        leukorepro audit published \
            {wildcards.study:q} \
            --out {output.audit:q} \
            >{log:q} 2>&1
        """


rule judge:
    """Every metric beside the published number, and a verdict on every number that a study's paper prints."""
    input:
        scan=lambda w: f"results/datasets/{study_of(w).dataset_id}/scan.json",
        manifest=manifest_of,
        splits=lambda w: split_tables(study_of(w)),
        measured="results/{run}/{study}/measured.csv",
        published=lambda w: published_path(w.study),
        audit=rules.audit_published.output.audit,
    output:
        metrics="results/{run}/{study}/metrics.csv",
        verdicts="results/{run}/{study}/verdicts.csv",
        headline="results/{run}/{study}/headline.json",
    log:
        "logs/judge/{run}/{study}.txt",
    benchmark:
        "results/benchmarks/judge/{run}/{study}.tsv"
    group:
        together("study")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=lambda w: code_digest("judge", *entries_of(study_of(w))),
        spec=lambda w: SPECIFICATIONS.path("judgement", w.study),
        folder=lambda w: f"results/{w.run}/{w.study}",
    message:
        "Verdicts on the numbers that {wildcards.study} prints"
    shell:
        r"""
        leukorepro judge \
            --spec {params.spec:q} \
            --measured {input.measured:q} \
            --published {input.published:q} \
            --audit {input.audit:q} \
            --scan {input.scan:q} \
            --manifest {input.manifest:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule controls:
    """A study's classifier on shuffled labels, the recognition of subjects, and cells by size or colour, on every rung."""
    input:
        manifest=manifest_of,
        duplicates=lambda w: plan.tying_duplicates(RUN, study_of(w)) or [],
        features=control_features_of,
        cells=control_cells_of,
        splits=lambda w: list(control_splits_of(w).values()),
        cell_splits=lambda w: list(cell_splits_of(w).values()),
        reducers=lambda w: list(control_reducers_of(w).values()),
    output:
        controls="results/{run}/{study}/controls.csv",
    log:
        "logs/controls/{run}/{study}.txt",
    benchmark:
        "results/benchmarks/controls/{run}/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=lambda w: code_digest("models control", *control_kinds_of(w)),
        spec=lambda w: SPECIFICATIONS.path("controls", w.study),
        duplicates=lambda w: tying_flags(study_of(w)),
        features=lambda w: flags("--features", control_features_of(w)),
        cells=lambda w: flags("--cells", control_cells_of(w)),
        splits=lambda w: flags(
            "--splits",
            [f"{rung}={file}" for rung, file in control_splits_of(w).items()],
        ),
        cell_splits=lambda w: flags(
            "--cell-splits",
            [f"{rung}={file}" for rung, file in cell_splits_of(w).items()],
        ),
        reducers=lambda w: flags(
            "--reducer",
            [f"{rung}={file}" for rung, file in control_reducers_of(w).items()],
        ),
    message:
        "Controls of {wildcards.study}"
    shell:
        r"""
        leukorepro models control \
            --spec {params.spec:q} \
            {params.features:q} \
            {params.splits:q} \
            {params.cells:q} \
            {params.cell_splits:q} \
            --manifest {input.manifest:q} \
            {params.duplicates:q} \
            {params.reducers:q} \
            --threads {threads} \
            --output {output.controls:q} \
            >{log:q} 2>&1
        """


rule find_duplicates:
    """Images that are in a dataset more than once: equal files, equal pixels, the same cell."""
    input:
        manifest="results/datasets/{dataset}/manifest.csv",
    output:
        duplicates="results/datasets/{dataset}/duplicates.json",
    log:
        "logs/find_duplicates/{dataset}.txt",
    benchmark:
        "results/benchmarks/find_duplicates/{dataset}.tsv"
    priority: WIDE
    group:
        together("images")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=lambda w: code_digest("data duplicates", *adapters_of(dataset_of(w))),
        folder=lambda w: dataset_of(w).images,
        max_pixels=lambda w: dataset_of(w).dataset.max_pixels,
    message:
        "Looking for images that are in {wildcards.dataset} more than once"
    shell:
        r"""
        leukorepro data duplicates \
            --manifest {input.manifest:q} \
            --images {params.folder:q} \
            --max-pixels {params.max_pixels:q} \
            --workers {threads} \
            --out {output.duplicates:q} \
            >{log:q} 2>&1
        """


for STUDY in RUN.studies:

    rule:
        """What the tested rows of a study's rungs are known by before they are tested."""
        name:
            f"audit_leakage_{STUDY.study.key}"
        input:
            manifest=f"results/datasets/{STUDY.dataset_id}/manifest.csv",
            duplicates=f"results/datasets/{STUDY.dataset_id}/duplicates.json",
            splits=split_tables(STUDY),
        output:
            leakage=[
                f"results/{RUN.name}/{STUDY.study.key}/{rung}/leakage.json"
                for rung in STUDY.protocols
            ],
        log:
            f"logs/audit_leakage/{RUN.name}/{STUDY.study.key}.txt",
        benchmark:
            f"results/benchmarks/audit_leakage/{RUN.name}/{STUDY.study.key}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            code=code_digest("audit rungs"),
            spec=SPECIFICATIONS.path("leakage", STUDY.study.key),
            folder=lambda w, output: str(Path(output.leakage[0]).parents[1]),
        message:
            f"Looking for leakage in the splits of {STUDY.study.key}"
        shell:
            r"""
            leukorepro audit rungs \
                --spec {params.spec:q} \
                --manifest {input.manifest:q} \
                --duplicates {input.duplicates:q} \
                --output {params.folder:q} \
                >{log:q} 2>&1
            """
