"""A study on the rungs of the leakage ladder: splits, reducers, classifiers, metrics."""


include: "../inputs/studies.smk"


for STUDY in RUN.studies:

    checkpoint:
        """Which rows train and which are tested, on every rung of a study, written before anything is fitted."""
        name:
            f"make_splits_{STUDY.study.key}"
        input:
            manifest=f"results/datasets/{STUDY.dataset_id}/manifest.csv",
            duplicates=plan.tying_duplicates(RUN, STUDY) or [],
        output:
            splits=split_tables(STUDY),
            groups=[folder_of(STUDY).groups] if RUN.group_near_duplicates else [],
        log:
            f"logs/make_splits/{RUN.name}/{STUDY.study.key}.txt",
        benchmark:
            f"results/benchmarks/make_splits/{RUN.name}/{STUDY.study.key}.tsv"
        # First, and a checkpoint: features wait until every split of the run is known to be possible (`splits_first`).
        priority: FIRST
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            code=code_digest("splits make"),
            spec=SPECIFICATIONS.path("splits", STUDY.study.key),
            duplicates=tying_flags(STUDY),
            folder=lambda w, output: str(Path(output.splits[0]).parents[2]),
        message:
            f"Deciding which images of {STUDY.study.key} train and which are tested"
        shell:
            r"""
            leukorepro splits make \
                --spec {params.spec:q} \
                --manifest {input.manifest:q} \
                {params.duplicates:q} \
                --output {params.folder:q} \
                >{log:q} 2>&1
            """


if RUN.budget == "published":

    rule fit_reducer:
        """An autoencoder, fitted on the rows that the protocol allows, in every fold."""
        input:
            lambda w: fits_of(w).inputs,
        output:
            "results/{run}/{study}/{protocol}/reducers/{split}/{feature_set}-{reducer}.h5",
        log:
            "logs/fit_reducer/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.txt",
        benchmark:
            "results/benchmarks/fit_reducer/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.tsv"
        wildcard_constraints:
            reducer=reducers_that(take_features=False),
        priority: WIDE
        conda:
            ENVIRONMENT
        threads: lambda w: 8 if study_of(w).study.holds_images(w.feature_set) else 1
        resources:
            gpu=1,
            mem_mb=memory,
            runtime=minutes,
        params:
            code=lambda w: code_digest("models fit", *kinds_of_fits(fits_of(w))),
            spec=lambda w: path_of_fits(w),
        message:
            "Fitting {wildcards.reducer} on {wildcards.feature_set} for {wildcards.study}, {RUNG:{wildcards.protocol}}"
        shell:
            r"""
            leukorepro models fit \
                --spec {params.spec:q} \
                --threads {threads} \
                >{log:q} 2>&1
            """

    rule encode_images:
        """What a trained network sees of all images, the output of its layer before the last, in every fold."""
        input:
            lambda w: fits_of(w).inputs,
        output:
            "results/{run}/{study}/{protocol}/reducers/{split}/{feature_set}-{reducer}.h5",
        log:
            "logs/encode_images/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.txt",
        benchmark:
            "results/benchmarks/encode_images/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.tsv"
        wildcard_constraints:
            reducer=reducers_that(take_features=True),
        priority: WIDE
        conda:
            ENVIRONMENT
        threads: 8
        resources:
            gpu=1,
            mem_mb=memory,
            runtime=minutes,
        params:
            code=lambda w: code_digest("models fit", *kinds_of_fits(fits_of(w))),
            spec=lambda w: path_of_fits(w),
        message:
            "Features of a trained network, for {wildcards.study}, {RUNG:{wildcards.protocol}}: {wildcards.reducer}"
        shell:
            r"""
            leukorepro models fit \
                --spec {params.spec:q} \
                --threads {threads} \
                >{log:q} 2>&1
            """

    rule train_network:
        """A network of a study, trained from images in every fold of a split, on one rung."""
        input:
            lambda w: fits_of(w).inputs,
        output:
            "results/{run}/{study}/{protocol}/networks/{network}/predictions.parquet",
            "results/{run}/{study}/{protocol}/networks/{network}/epochs.csv",
            "results/{run}/{study}/{protocol}/networks/{network}/weights.safetensors",
        log:
            "logs/train_network/{run}/{study}/{protocol}/{network}.txt",
        benchmark:
            "results/benchmarks/train_network/{run}/{study}/{protocol}/{network}.tsv"
        priority: WIDE
        conda:
            ENVIRONMENT
        threads: 8
        resources:
            gpu=1,
            mem_mb=memory,
            runtime=minutes,
        params:
            code=lambda w: code_digest("models fit", *kinds_of_fits(fits_of(w))),
            spec=lambda w: path_of_fits(w),
        message:
            "Training {wildcards.network} of {wildcards.study}, {RUNG:{wildcards.protocol}}"
        shell:
            r"""
            leukorepro models fit \
                --spec {params.spec:q} \
                --threads {threads} \
                >{log:q} 2>&1
            """


# A demonstration's small fits take less time than the start of a job, and gain nothing from threads or a GPU.
for FITS in [job for job in SPECIFICATIONS if job[0] == "fits" and len(job) == 3]:

    rule:
        """All reducers and networks of a study on one rung, one after another; each is kept if the job is killed."""
        name:
            f"fit_{FITS[1]}_{FITS[2]}"
        input:
            SPECIFICATIONS[FITS].inputs,
        output:
            SPECIFICATIONS[FITS].outputs,
        log:
            f"logs/fit/{RUN.name}/{FITS[1]}/{FITS[2]}.txt",
        benchmark:
            f"results/benchmarks/fit/{RUN.name}/{FITS[1]}/{FITS[2]}.tsv"
        group:
            together("study")
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            code=code_digest("models fit", *kinds_of_fits(SPECIFICATIONS[FITS])),
            spec=SPECIFICATIONS.path(*FITS),
        message:
            f"Fitting autoencoders and networks for {FITS[1]}, {LADDER[FITS[2]].name.lower()}"
        shell:
            r"""
            leukorepro models fit \
                --spec {params.spec:q} \
                --threads {threads} \
                --device cpu \
                >{log:q} 2>&1
            """


rule classify:
    """Every classifier of a study on one feature set, in every fold of every split, on every rung."""
    input:
        manifest=manifest_of,
        duplicates=lambda w: plan.tying_duplicates(RUN, study_of(w)) or [],
        features=features_of,
        splits=lambda w: list(splits_of(w).values()),
        reducers=lambda w: list(reducers_of(w).values()),
    output:
        part="results/{run}/{study}/parts/{feature_set}.parquet",
    log:
        "logs/classify/{run}/{study}/{feature_set}.txt",
    benchmark:
        "results/benchmarks/classify/{run}/{study}/{feature_set}.tsv"
    group:
        together("study")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=lambda w: code_digest(
            "models classify", *kinds_of(*study_of(w).study.classifiers.values())
        ),
        spec=lambda w: SPECIFICATIONS.path("classification", w.study, w.feature_set),
        duplicates=lambda w: tying_flags(study_of(w)),
        splits=lambda w: flags(
            "--splits", [f"{name}={file}" for name, file in splits_of(w).items()]
        ),
        reducers=lambda w: flags(
            "--reducer", [f"{name}={file}" for name, file in reducers_of(w).items()]
        ),
    message:
        "Classifying {wildcards.feature_set} for {wildcards.study}, on every rung"
    shell:
        r"""
        leukorepro models classify \
            --spec {params.spec:q} \
            --features {input.features:q} \
            {params.splits:q} \
            --manifest {input.manifest:q} \
            {params.duplicates:q} \
            {params.reducers:q} \
            --threads {threads} \
            --output {output.part:q} \
            >{log:q} 2>&1
        """


for STUDY in RUN.studies:

    rule:
        """A study's predictions on every rung, its metrics, and all that follows from predictions alone."""
        name:
            f"evaluate_{STUDY.study.key}"
        input:
            splits=split_tables(STUDY),
            parts=predictions_of(STUDY),
        output:
            predictions=[
                f"results/{RUN.name}/{STUDY.study.key}/{rung}/{table}.parquet"
                for rung in STUDY.protocols
                for table in ("predictions", "fitting")
            ],
            tables=[
                f"results/{RUN.name}/{STUDY.study.key}/{table}.csv"
                for table in plan.evaluation_tables(STUDY)
            ],
        log:
            f"logs/evaluate/{RUN.name}/{STUDY.study.key}.txt",
        benchmark:
            f"results/benchmarks/evaluate/{RUN.name}/{STUDY.study.key}.tsv"
        group:
            together("study")
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            code=code_digest("evaluate", *entries_of(STUDY)),
            spec=SPECIFICATIONS.path("evaluation", STUDY.study.key),
            folder=lambda w, output: str(Path(output.tables[0]).parent),
        message:
            f"Metrics, intervals and comparisons of {STUDY.study.key}"
        shell:
            r"""
            leukorepro evaluate \
                --spec {params.spec:q} \
                --output {params.folder:q} \
                {input.parts:q} \
                >{log:q} 2>&1
            """


for STUDY in [study for study in RUN.studies if plan.explained_rungs(RUN, study)]:

    rule:
        """A study's headline explained on the same test images, under the paper's protocol and under the honest one."""
        name:
            f"explain_{STUDY.study.key}"
        input:
            SPECIFICATIONS["explanations", STUDY.study.key].inputs,
        output:
            told=f"results/{RUN.name}/{STUDY.study.key}/explanations/explanations.json",
            background=f"results/{RUN.name}/{STUDY.study.key}/explanations/background.csv",
            shares=f"results/{RUN.name}/{STUDY.study.key}/explanations/shares.csv",
            maps=f"results/{RUN.name}/{STUDY.study.key}/explanations/maps.h5",
        log:
            f"logs/explain/{RUN.name}/{STUDY.study.key}.txt",
        benchmark:
            f"results/benchmarks/explain/{RUN.name}/{STUDY.study.key}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory,
            runtime=minutes,
        params:
            code=code_digest("models explain", *entries_of(STUDY)),
            spec=SPECIFICATIONS.path("explanations", STUDY.study.key),
            folder=lambda w, output: str(Path(output.told).parent),
        message:
            f"Explaining the headline of {STUDY.study.key} on two rungs"
        shell:
            r"""
            leukorepro models explain \
                --spec {params.spec:q} \
                --threads {threads} \
                --output {params.folder:q} \
                >{log:q} 2>&1
            """
