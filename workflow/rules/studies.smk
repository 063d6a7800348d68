"""A study on the rungs of the leakage ladder: splits, reducers, classifiers, metrics."""


rule resolve_config:
    """The run's configuration with every name looked up and every default filled in."""
    output:
        config="results/{run}/config.json",
    log:
        "logs/resolve_config/{run}.txt",
    benchmark:
        "results/benchmarks/resolve_config/{run}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        run=run_options,
        code=code_digest("config resolve"),
        spec=digest(RUN),
    shell:
        r"""
        leukorepro config resolve \
            {params.run:q} \
            --output {output.config:q} \
            >{log:q} 2>&1
        """


rule make_splits:
    """Which rows train and which are tested, written before anything is fitted."""
    input:
        manifest=manifest_of,
    output:
        splits="results/{run}/{study}/{protocol}/splits/{split}.csv",
    log:
        "logs/make_splits/{run}/{study}/{protocol}/{split}.txt",
    benchmark:
        "results/benchmarks/make_splits/{run}/{study}/{protocol}/{split}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        run=run_options,
        code=code_digest("splits make"),
        spec=lambda w: plan.split_digest(RUN, study_of(w), w.protocol, w.split),
    shell:
        r"""
        leukorepro splits make \
            {params.run:q} \
            --study {wildcards.study:q} \
            --rung {wildcards.protocol:q} \
            --split {wildcards.split:q} \
            --manifest {input.manifest:q} \
            --output {output.splits:q} \
            >{log:q} 2>&1
        """


rule fit_reducer:
    """An autoencoder, fitted on the rows that the protocol allows, in every fold."""
    input:
        features=features_of,
        splits=rules.make_splits.output.splits,
    output:
        reducer="results/{run}/{study}/{protocol}/reducers/{split}/{feature_set}-{reducer}.h5",
    log:
        "logs/fit_reducer/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.txt",
    benchmark:
        "results/benchmarks/fit_reducer/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.tsv"
    wildcard_constraints:
        reducer=reducers_that(take_features=False),
    conda:
        ENVIRONMENT
    threads: fitting_threads
    resources:
        gpu=1,
        mem_mb=4000,
    params:
        run=run_options,
        code=code_digest("models fit-reducer"),
        spec=lambda w: plan.reducer_digest(RUN, study_of(w), w.protocol, w.reducer),
    shell:
        r"""
        leukorepro models fit-reducer \
            {params.run:q} \
            --study {wildcards.study:q} \
            --rung {wildcards.protocol:q} \
            --reducer {wildcards.reducer:q} \
            --features {input.features:q} \
            --splits {input.splits:q} \
            --threads {threads} \
            --output {output.reducer:q} \
            >{log:q} 2>&1
        """


rule encode_images:
    """What a trained network sees of all images, the output of its layer before the last, in every fold."""
    input:
        features=features_of,
        weights=weights_of,
    output:
        reducer="results/{run}/{study}/{protocol}/reducers/{split}/{feature_set}-{reducer}.h5",
    log:
        "logs/encode_images/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.txt",
    benchmark:
        "results/benchmarks/encode_images/{run}/{study}/{protocol}/{split}/{feature_set}-{reducer}.tsv"
    wildcard_constraints:
        reducer=reducers_that(take_features=True),
    conda:
        ENVIRONMENT
    threads: fitting_threads
    resources:
        gpu=1,
        mem_mb=4000,
    params:
        run=run_options,
        code=code_digest("models encode"),
        spec=lambda w: plan.reducer_digest(RUN, study_of(w), w.protocol, w.reducer),
    shell:
        r"""
        leukorepro models encode \
            {params.run:q} \
            --study {wildcards.study:q} \
            --reducer {wildcards.reducer:q} \
            --weights {input.weights:q} \
            --features {input.features:q} \
            --threads {threads} \
            --output {output.reducer:q} \
            >{log:q} 2>&1
        """


rule classify:
    """Every classifier of a study on one feature set, in every fold of every split, on every rung."""
    input:
        manifest=manifest_of,
        features=features_of,
        splits=lambda w: list(splits_of(w).values()),
        reducers=lambda w: list(reducers_of(w).values()),
    output:
        part="results/{run}/{study}/parts/{feature_set}.parquet",
    log:
        "logs/classify/{run}/{study}/{feature_set}.txt",
    benchmark:
        "results/benchmarks/classify/{run}/{study}/{feature_set}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=8000,
    params:
        run=run_options,
        code=code_digest("models classify"),
        spec=lambda w: plan.classify_digest(RUN, study_of(w), w.feature_set),
        splits=lambda w: flags(
            "--splits", [f"{name}={file}" for name, file in splits_of(w).items()]
        ),
        reducers=lambda w: flags(
            "--reducer", [f"{name}={file}" for name, file in reducers_of(w).items()]
        ),
    shell:
        r"""
        leukorepro models classify \
            {params.run:q} \
            --study {wildcards.study:q} \
            --feature-set {wildcards.feature_set:q} \
            --features {input.features:q} \
            {params.splits:q} \
            --manifest {input.manifest:q} \
            {params.reducers:q} \
            --threads {threads} \
            --output {output.part:q} \
            >{log:q} 2>&1
        """


rule train_network:
    """A network of a study, trained from images in every fold of a split, on one rung."""
    input:
        manifest=manifest_of,
        features=images_of,
        splits=lambda w: f"results/{w.run}/{w.study}/{w.protocol}/splits/{network_of(w).split}.csv",
        reducer=encoder_of,
    output:
        part="results/{run}/{study}/{protocol}/networks/{network}/predictions.parquet",
        epochs="results/{run}/{study}/{protocol}/networks/{network}/epochs.csv",
        weights="results/{run}/{study}/{protocol}/networks/{network}/weights.safetensors",
    log:
        "logs/train_network/{run}/{study}/{protocol}/{network}.txt",
    benchmark:
        "results/benchmarks/train_network/{run}/{study}/{protocol}/{network}.tsv"
    conda:
        ENVIRONMENT
    # A demonstration's small networks gain nothing from threads: side by side then.
    threads: 8 if RUN.budget == "published" else 1
    resources:
        gpu=1,
        mem_mb=8000,
    params:
        run=run_options,
        code=code_digest("models train"),
        spec=lambda w: plan.network_digest(RUN, study_of(w), w.protocol, network_of(w)),
        reducer=lambda w, input: flags(
            "--reducer", [input.reducer] if input.reducer else []
        ),
        folder=lambda w: f"results/{w.run}/{w.study}/{w.protocol}/networks/{w.network}",
    shell:
        r"""
        leukorepro models train \
            {params.run:q} \
            --study {wildcards.study:q} \
            --rung {wildcards.protocol:q} \
            --network {wildcards.network:q} \
            --features {input.features:q} \
            --splits {input.splits:q} \
            --manifest {input.manifest:q} \
            {params.reducer:q} \
            --threads {threads} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule collect_predictions:
    """All predictions of a study under one protocol, in one table; those of fitted rows in another."""
    input:
        parts=lambda w: expand(
            rules.classify.output.part,
            feature_set=plan.classified_feature_sets(study_of(w)),
            allow_missing=True,
        ),
        networks=network_parts_of,
    output:
        predictions="results/{run}/{study}/{protocol}/predictions.parquet",
        fitting="results/{run}/{study}/{protocol}/fitting.parquet",
    log:
        "logs/collect_predictions/{run}/{study}/{protocol}.txt",
    benchmark:
        "results/benchmarks/collect_predictions/{run}/{study}/{protocol}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2500,
    params:
        code=code_digest("predictions collect"),
    shell:
        r"""
        leukorepro predictions collect \
            {input.parts:q} \
            {input.networks:q} \
            --rung {wildcards.protocol:q} \
            --fitting {output.fitting:q} \
            --output {output.predictions:q} \
            >{log:q} 2>&1
        """


rule evaluate:
    """Every metric of every item on every rung, with its interval, and a verdict on every printed number."""
    input:
        scan=lambda w: f"results/datasets/{study_of(w).dataset_id}/scan.json",
        predictions=lambda w: expand(
            rules.collect_predictions.output.predictions,
            protocol=study_of(w).protocols,
            allow_missing=True,
        ),
        fitting=lambda w: expand(
            rules.collect_predictions.output.fitting,
            protocol=study_of(w).protocols,
            allow_missing=True,
        ),
        published=lambda w: published_path(w.study),
        audit="results/audit/{study}.json",
    output:
        metrics="results/{run}/{study}/metrics.csv",
        verdicts="results/{run}/{study}/verdicts.csv",
    log:
        "logs/evaluate/{run}/{study}.txt",
    benchmark:
        "results/benchmarks/evaluate/{run}/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=3000,
    params:
        run=run_options,
        code=code_digest("evaluate"),
        spec=lambda w: digest(RUN.budget, RUN.seed, study_of(w)),
        fitting=lambda w, input: flags("--fitting", input.fitting),
        folder=lambda w: f"results/{w.run}/{w.study}",
    shell:
        r"""
        leukorepro evaluate \
            {params.run:q} \
            --study {wildcards.study:q} \
            --scan {input.scan:q} \
            --published {input.published:q} \
            --audit {input.audit:q} \
            {params.fitting:q} \
            --output {params.folder:q} \
            {input.predictions:q} \
            >{log:q} 2>&1
        """
