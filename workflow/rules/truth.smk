"""What is true of the printed numbers and of the runs: audits, comparisons, diagnoses, controls."""


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
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
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


rule diagnose:
    """What a study's classifiers would mean for patients: calibration, decision curves, diagnoses of subjects."""
    input:
        predictions=lambda w: expand(
            rules.collect_predictions.output.predictions,
            protocol=study_of(w).protocols,
            allow_missing=True,
        ),
    output:
        calibration="results/{run}/{study}/calibration.csv",
        reliability="results/{run}/{study}/reliability.csv",
        decision="results/{run}/{study}/decision.csv",
        subjects="results/{run}/{study}/subjects.csv",
        diagnosis="results/{run}/{study}/diagnosis.csv",
    log:
        "logs/diagnose/{run}/{study}.txt",
    benchmark:
        "results/benchmarks/diagnose/{run}/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=lambda w: code_digest("diagnose", *entries_of(study_of(w))),
        spec=lambda w: SPECIFICATIONS.path("evaluation", w.study),
        folder=lambda w: f"results/{w.run}/{w.study}",
    message:
        "What the classifiers of {wildcards.study} would mean for patients"
    shell:
        r"""
        leukorepro diagnose \
            --spec {params.spec:q} \
            --output {params.folder:q} \
            {input.predictions:q} \
            >{log:q} 2>&1
        """


rule compare:
    """What sets rungs and items apart, each pair on the same groups; and what the best items owe to being picked."""
    input:
        predictions=rules.evaluate.input.predictions,
        fitting=rules.evaluate.input.fitting,
        splits=lambda w: list(all_splits_of(w).values()),
    output:
        differences="results/{run}/{study}/differences.csv",
        cell_level="results/{run}/{study}/cell_level.csv",
        winners="results/{run}/{study}/winners.csv",
    log:
        "logs/compare/{run}/{study}.txt",
    benchmark:
        "results/benchmarks/compare/{run}/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=lambda w: code_digest("compare", *entries_of(study_of(w))),
        spec=lambda w: SPECIFICATIONS.path("evaluation", w.study),
        fitting=lambda w, input: flags("--fitting", input.fitting),
        splits=lambda w: flags(
            "--splits", [f"{place}={file}" for place, file in all_splits_of(w).items()]
        ),
        folder=lambda w: f"results/{w.run}/{w.study}",
    message:
        "Comparing rungs and items of {wildcards.study}, in pairs"
    shell:
        r"""
        leukorepro compare \
            --spec {params.spec:q} \
            {params.fitting:q} \
            {params.splits:q} \
            --output {params.folder:q} \
            {input.predictions:q} \
            >{log:q} 2>&1
        """


rule controls:
    """A study's classifier on shuffled labels, and the recognition of subjects, on every rung."""
    input:
        manifest=manifest_of,
        features=control_features_of,
        splits=lambda w: list(control_splits_of(w).values()),
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
        mem_mb=16000 if RUN.budget == "published" else 4000,
    params:
        code=lambda w: code_digest(
            "models control", *kinds_of(plan.control_system(study_of(w)).classifier)
        ),
        spec=lambda w: SPECIFICATIONS.path("controls", w.study),
        splits=lambda w: flags(
            "--splits",
            [f"{rung}={file}" for rung, file in control_splits_of(w).items()],
        ),
        reducers=lambda w: flags(
            "--reducer",
            [f"{rung}={file}" for rung, file in control_reducers_of(w).items()],
        ),
    message:
        "Controls of {wildcards.study}: shuffled labels, recognition of subjects"
    shell:
        r"""
        leukorepro models control \
            --spec {params.spec:q} \
            --features {input.features:q} \
            {params.splits:q} \
            --manifest {input.manifest:q} \
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
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=2000,
    params:
        code=lambda w: code_digest("data duplicates", adapter_of(dataset_of(w))),
        folder=lambda w: dataset_of(w).images,
        max_pixels=lambda w: dataset_of(w).dataset.max_pixels,
    message:
        "Looking for images that are in {wildcards.dataset} more than once"
    shell:
        r"""
        leukorepro data duplicates \
            --manifest {input.manifest:q} \
            --images {params.folder:q} \
            --max-pixels {params.max_pixels} \
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
            mem_mb=1000,
        params:
            code=code_digest("audit rungs"),
            spec=SPECIFICATIONS.path("leakage", STUDY.study.key),
            folder=f"results/{RUN.name}/{STUDY.study.key}",
        message:
            f"What the tested images of {STUDY.study.key} are known by before"
        shell:
            r"""
            leukorepro audit rungs \
                --spec {params.spec:q} \
                --manifest {input.manifest:q} \
                --duplicates {input.duplicates:q} \
                --output {params.folder:q} \
                >{log:q} 2>&1
            """
