"""Uses of every operation: the type that enters and the stages, one use a line."""

from __future__ import annotations

V, S, M, C, D = "[6]", "[5, 8]", "[4, 9, 12]", "[8, 6, 6]", "[4, 4, 5, 6]"

USES: tuple[tuple[str, str], ...] = tuple((kind, line.strip()) for kind, lines in (
    (M, """
        conv(3x3, 5)
        conv(3x3, 5, bias = true) -> batch_norm
        conv(3x3, 6, groups = 2, weights = scaled(gamma = 1.7, eps = 1e-3)) -> conv(1x3, 5, weights = standardized)
        conv(5x3, 6, weights = masked(centre = false)) -> conv(3x3, 5, weights = masked)
        depthwise_conv(4x3, stride = 2, multiplier = 2, padding_mode = circular, weights = weight_norm)
        conv(2x4, 5) -> conv(4x2, 6, stride = 2)
        conv(3x5, 6, stride = size(2, 3), dilation = 2)
        conv(3x3, 5, padding = none)
        conv(3x3, 5, padding = 2)
        conv(3x3, 5, padding = size(0, 1))
        conv(3, 8, groups = 2)
        conv(3, 8, groups = channels, bias = false)
        conv(3x3, 5, padding_mode = reflect)
        conv(4x4, 5, padding_mode = reflect)
        conv(4x3, 5, padding_mode = replicate, stride = 2)
        conv(5x4, 5, padding_mode = circular)
        conv(3x3, 5, padding = 1, padding_mode = circular)
        conv(3x3, 5, init = zeros) -> conv(1x1, 2, init = kaiming_normal(mode = fan_out))
        conv(3x3, 5, stride = 2, padding = tf_same) -> batch_norm
        conv(4x5, 6, stride = size(3, 2), padding = tf_same, padding_mode = replicate)
        depthwise_conv(3x3, stride = 2, dilation = 2, padding = tf_same)
        max_pool(3x3, stride = 2, padding = tf_same)
        max_pool(2x3, padding = tf_same)
        avg_pool(3x2, stride = 2, padding = tf_same, count_padding = false)
        fork(3) -> each { conv(3x3, 4, stride = 2, padding = tf_same) -> batch_norm } -> sum
        depthwise_conv(3x3, multiplier = 3) -> batch_norm(scale = 0)
        depthwise_conv(4x3, stride = 2)
        conv_transpose(3x3, 5)
        conv_transpose(3x3, 5, stride = 2)
        conv_transpose(4x4, 6, stride = 2, groups = 2)
        conv_transpose(2x3, 5, stride = size(2, 3), bias = false)
        conv_transpose(1x1, 5, stride = 3)
        conv_transpose(3x3, 5, stride = 2, padding = 1, output_padding = 1)
        conv_transpose(3x3, 5, padding = none, dilation = 2)
        conv_transpose(3x3, 8, groups = channels)
        conv_transpose(3x3, 5) -> batch_norm
        batch_norm
        batch_norm(scale = 0, eps = 0.1, momentum = 0.3)
        batch_norm(affine = false)
        batch_norm(running = false)
        layer_norm
        layer_norm(over = all, eps = 0.1)
        layer_norm(affine = false)
        group_norm(2)
        group_norm(4, affine = false, eps = 0.1)
        instance_norm
        instance_norm(affine = true, running = true, momentum = 0.2)
        relu
        relu6
        leaky_relu(0.2)
        prelu
        prelu(params = channels)
        elu(0.5)
        selu -> celu(1.5)
        gelu
        gelu(approximate = tanh)
        silu
        mish
        hardswish -> hardsigmoid
        sigmoid
        tanh
        softplus
        softplus(beta = 9)
        softmax
        softmax(axis = width)
        log_softmax(axis = width)
        identity
        max_pool(2x2)
        max_pool(3x2)
        max_pool(3x3, stride = 2)
        max_pool(4x4, stride = 2)
        max_pool(2x2, stride = 2)
        max_pool(3x3, stride = 2, padding = none)
        max_pool(3x3, stride = 2, padding = 1, ceil = true)
        max_pool(2x5, ceil = true)
        max_pool(3x3, stride = 2, dilation = 2)
        max_pool(2x2, dilation = size(1, 3), stride = 1, padding = none)
        max_pool(4x4, padding = same)
        avg_pool(2x2)
        avg_pool(3x3, stride = 2)
        avg_pool(3x3, stride = 2, count_padding = false)
        avg_pool(4x4, stride = 3)
        avg_pool(4x4, stride = 3, count_padding = false)
        avg_pool(4x4, stride = 3, padding = 2, ceil = true)
        avg_pool(4x4, stride = 3, padding = 1, ceil = true, count_padding = false)
        avg_pool(2x5, ceil = true)
        global_avg_pool
        global_max_pool
        adaptive_avg_pool(2x5)
        adaptive_max_pool(4)
        adaptive_avg_pool(12x10)
        pyramid_pool(1, 2, 4)
        pyramid_pool([1, 3], mode = max)
        dropout(0) -> drop_channels(0) -> drop_path(0) -> noise(std = 0)
        flatten
        reshape([2, -1, 9])
        permute([width, channels, height])
        to_sequence
        split(2) -> concat
        split([1, 3]) -> each { conv(1x1, 2) } -> sum
        split(3, axis = width) -> each { batch_norm } -> concat(axis = height)
        slice(1, stop = 3)
        slice(4, axis = height)
        slice(0, stop = 2, axis = width)
        pick([2, 0, 2]) -> pick([8, 1], axis = height)
        einsum("c h w -> w c")
        unfold(3x2) -> linear(3)
        unfold(3x3, stride = 2)
        unfold(2x3, stride = 1, padding = none, dilation = 2)
        unfold(4x2, stride = size(2, 1)) -> fold(9x12, 4x2, stride = size(2, 1))
        unfold(3x3) -> fold(9x12, 3x3)
        unfold(3x3, stride = 1, padding = 1, dilation = 2) -> fold(9x12, 3x3, stride = 1, padding = 1, dilation = 2)
        slice(1, stride = 2) -> slice(0, stop = 6, stride = 4, axis = width)
        upsample(factor = 2)
        upsample(factor = size(1, 3), mode = bilinear)
        upsample(size = 11x5)
        upsample(size = 20x7, mode = bilinear)
        upsample(factor = 3, mode = bicubic)
        upsample(size = 5x17, mode = bicubic)
        upsample(factor = 1.5)
        upsample(factor = 0.5, mode = bicubic)
        upsample(factor = [1.25, 0.7], mode = bilinear)
        upsample(factor = 2, mode = bilinear, align_corners = true)
        upsample(factor = [0.2, 1.3], mode = bicubic, align_corners = true)
        upsample(size = 1x17, mode = bilinear, align_corners = true)
        pixel_shuffle(2)
        pixel_unshuffle(3)
        scale(-0.5)
        shift(-0.5) -> for c in [for i in range(2) { 3 + i }, 2] { conv(1x1, c) }
        squeeze_excite
        squeeze_excite(ratio = 2, bias = true)
        squeeze_excite(hidden = 3)
        position_embedding
        conv(1x1, 4) -> add(x)
        conv(1x1, 4) -> add(x, x -> relu)
        conv(1x1, 4) -> mul(x) -> sub(x)
        conv(1x1, 4) -> mul(x, x -> identity, x -> tanh)
        mul(x -> global_avg_pool -> linear(4) -> sigmoid)
        abs -> square
        neg -> exp
        sign -> add(x, x -> sigmoid -> log -> sin)
        exp -> sqrt -> cos
        softplus -> rsqrt
        softplus -> reciprocal
        floor -> add(x -> round, x)
        pow(3) -> clamp(low = -1.5, high = 2)
        softplus -> pow(-0.5)
        clamp(high = 0.3) -> clamp(low = -0.2)
        pad(1)
        pad([2, 1], mode = reflect) -> conv(3x3, 5, padding = none)
        pad([0, 2], axis = width, mode = circular)
        pad([3, 1], axis = channels) -> pad(2, axis = channels, mode = replicate)
        roll(2, width)
        roll([-3, 1], [height, channels])
        channel_shuffle(2)
        reduce(width) -> reduce(channels, by = max)
        reduce([height, width], by = sum, keep = true) -> add(x)
        reduce(height, by = min)
        l2_normalize
        l2_normalize(axis = width, eps = 3)
        reduce(width, by = logsumexp) -> reduce([positions, features], by = variance, keep = true)
        cumsum(height) -> cumsum(width, decay = x -> sigmoid) -> cumsum(height, decay = x -> global_avg_pool -> tanh)
        affine
        affine(scale = 1e-6, shift = none)
        affine(scale = none, shift = 0.5, axis = width)
        add(parameter([4, 1, 1]), parameter([1, 9, 12], trained = false)) -> mul(parameter([4]) -> sigmoid)
        2 * add(parameter([4, 1, 1])) -> add(parameter([4]) as shift)
        conv(3x3, 4) -> batch_norm -> residual { conv(3x3, 4) -> affine(scale = 1e-6, shift = none) }
        patches(3x4, stride = 3x4) -> shared { add(parameter([4])) } -> unpatch
        fork(2) -> each { mul(parameter([4, 9, 12], init = normal(std = 0.1))) } -> sum
        fork(2) -> shared { parameter([4, 9, 12]) -> add(in) } -> sum
        3 * (conv(1x1, 4) -> add(parameter([4])))
        3 * (parameter([4]) -> add(in))
        add(x -> conv(1x1, 1), x -> global_max_pool, x -> adaptive_avg_pool(1x12))
        global_avg_pool -> sub(x)
        adaptive_avg_pool(1x1) -> div(x -> conv(9x1, 1, padding = none) -> softplus)
        div(x -> global_avg_pool -> softplus)
        maximum(x -> global_avg_pool) -> minimum(x -> conv(1x1, 1), x -> relu)
        fork(3) -> each { conv(1x1, 4) } -> minimum
        conv(1x1, 3) -> concat(x, x -> identity)
        concat(x -> tanh, axis = height)
        to_sequence -> to_map(9, 12)
        (relu -> batch_norm) as stem
    """),
    (V, """
        linear(4)
        linear(4, bias = false)
        linear(4) -> batch_norm
        batch_norm(momentum = 1)
        layer_norm
        group_norm(3)
        softmax
        log_softmax
        prelu(params = channels)
        reshape([2, 3]) -> attention(1)
        fork(3) -> each { linear(4) } -> stack -> permute([features, positions])
        fork(2) -> each { linear(4) } -> maximum
        fork(3) -> each { linear(4) } -> product
        fork(3) -> each { linear(4) } -> mean
        fork(2, cross_connection) -> each { linear(4) } -> sum
        tanh -> concat(x, x -> relu)
        drop_path(0.0) -> identity
        layers { linear(4); relu; linear(3) } -> concat
        layers { linear(4); relu; linear(4) } -> attend(static_vector)
        layers { linear(4); linear(3) } -> attend(innate_static(5))
        layers { linear(4); linear(3) } -> attend(static_vector(features = 5))
        fork(3) -> each { linear(6) } -> attend(self_attention(heads = 2))
        fork(2) -> each { linear(4) } -> attend(self_attention(heads = 4, features = 3))
        fork(3) -> each { linear(4) } -> attend(recurrent(5))
        fork(3) -> each { linear(4) } -> attend(mean)
        residual(join = concat) { linear(6) -> relu }
        parallel { linear(4); identity } -> each { linear(2) } -> route(cross_connection(2), to = 3) -> sum
    """),
    (S, """
        experts(3, sparse_connection(hidden = 2, keep = 2), over = positions) { linear(3) -> relu }
        experts(2, cross_connection(hidden = 0), over = positions) { linear(5) }
        experts(4, sparse_connection(hidden = 0, capacity = 1.25), over = positions) { linear(3) }
        conv1d(3, 4, dilation = 2, padding = causal) -> conv1d(2, 3, stride = 2, padding = causal)
        depthwise_conv1d(3, padding = causal, padding_mode = replicate)
        max_pool1d(3, stride = 1, padding = causal) -> avg_pool1d(3, stride = 2, padding = causal)
        conv1d(4, 4, stride = 3, padding = tf_same)
        add(parameter([1, 8]), x -> reduce(positions, keep = true)) -> mul(x -> reduce(features, by = max, keep = true))
        linear(4)
        layer_norm
        layer_norm(over = all)
        batch_norm
        instance_norm(affine = true)
        group_norm(5)
        softmax
        softmax(axis = positions)
        attention(2)
        attention(4, bias = false, causal = true)
        class_token -> attention(2) -> slice(0, stop = 1) -> flatten
        position_embedding
        lstm(3)
        lstm(3, give = last)
        lstm(3, layers = 2, bidirectional = true)
        lstm(3, layers = 2, bidirectional = true, give = last, bias = false)
        gru(3)
        gru(3, layers = 2, give = last)
        gru(3, bidirectional = true, give = last)
        conv1d(3, 4)
        conv1d(4, 4, stride = 2, padding_mode = circular)
        depthwise_conv1d(3, multiplier = 2, dilation = 2)
        conv_transpose1d(3, 4, stride = 2)
        max_pool1d(3, stride = 2)
        max_pool1d(2)
        avg_pool1d(4, stride = 2, count_padding = false)
        adaptive_avg_pool1d(3)
        adaptive_max_pool1d(5)
        global_avg_pool
        global_max_pool
        global_avg_pool1d
        global_max_pool1d
        drop_channels(0.0)
        squeeze_excite(ratio = 2)
        permute([features, positions]) -> conv1d(3, 2)
        matmul(x -> permute([features, positions]))
        to_map(1, 5)
        split(2, axis = features) -> sum
        fork(2, cross_connection(hidden = 0)) -> each { linear(4) } -> route(cross_stitch, to = 3) -> mean
    """),
    (C, """
        residual { conv(3x3, 8) -> batch_norm }
        residual(mix = learned) { conv(3x3, 8) }
        residual(mix = fixed(0.25)) { conv(3x3, 8) -> relu }
        residual(join = concat) { conv(3x3, 8) -> relu }
        residual(join = concat) { conv(3x3, 5) }
        layers { conv(3x3, 8); relu; conv(3x3, 8) } -> attend(static_vector)
        layers { conv(3x3, 4); conv(3x3, 3) } -> attend(innate_static(5))
        layers { conv(3x3, 8); relu } -> attend(self_attention(heads = 2))
        layers { conv(3x3, 8); relu } -> attend(recurrent(3))
        layers { conv(3x3, 8); relu } -> attend(mean)
        fork(3) -> each { conv(3x3, 4) -> batch_norm } -> mean
        fork(3) -> shared { conv(3x3, 4) -> batch_norm } -> stack -> reshape([12, 6, 6])
        fork(2, cross_connection(hidden = 3)) -> each { conv(3x3, 4) } -> route(cross_connection(hidden = 3)) -> sum
        fork(2, cross_stitch) -> each { conv(3x3, 4) } -> route(cross_stitch) -> sum
        fork(2) -> each { conv(1x1, 4) } -> route(cross_connection(hidden = 0), to = 1) -> concat
        fork(2, cross_prediction(conv(3x3, 4, bias = false) -> batch_norm)) -> sum
        fork(2) -> each { conv(1x1, 4) } -> route(cross_prediction(conv(3x3, 3), hidden = 2, act = tanh), to = 3) -> sum
        fork(2) -> route(cross_prediction(conv(3x3, 3), act = identity)) -> sum
        parallel { conv(1x1, 2); conv(3x3, 3) -> relu; identity } -> concat
        layers { conv(3x3, 8); conv(3x3, 8) -> relu; batch_norm } -> sum
        3 * conv(3x3, 8)
        2 * (conv(3x3, 8) -> batch_norm -> relu)
        2 * residual { 2 * conv(3x3, 8) -> relu }
        for c in [4, 6] { conv(3x3, c) -> relu }
        for c in range(2) { if c == 0 { conv(3x3, 8) } else { batch_norm } }
        if x.channels == 8 { conv(1x1, 4) } -> relu -> conv(1x1, 2) as last
        2 * (conv(3x3, 8) as turn) -> (relu as act)
        branches(words("110", "011")) { conv(1x1, 4) -> batch_norm -> relu } -> energy_normalize -> sum
        branches(words("1100", "0011", "0110")) { conv(3x3, 5, bias = false) } -> energy_normalize -> sum -> batch_norm
        branches(words("110", "101")) { conv(3x3, 5) -> batch_norm } -> energy_normalize -> concat -> conv(1x1, 8)
        branches(words("11", "11", duplicates = true)) { conv(1x1, 4) -> relu } -> each { conv(1x1, 2) } -> mean
        branches(words("1", "1", duplicates = true)) { relu } -> energy_normalize -> sum
        fork(2) -> each { in -> conv(1x1, 2) -> concat(in) } -> sum
    """),
    (D, """
        conv3d(3, 3)
        conv3d(2x3x4, 3, stride = 2)
        depthwise_conv3d(3x3x3)
        conv_transpose3d(3, 2, stride = 2)
        batch_norm
        layer_norm
        instance_norm
        max_pool3d(2)
        max_pool3d(3, stride = 2)
        max_pool3d(2x2x2, stride = 1)
        avg_pool3d(2x2x3)
        avg_pool3d(2, stride = 1, count_padding = false)
        adaptive_avg_pool3d(2x2x3)
        adaptive_max_pool3d(2)
        global_avg_pool
        global_max_pool
        squeeze_excite(ratio = 2)
        to_sequence
        softmax(axis = depth)
        drop_channels(0)
    """),
    (M, """
        patches(3x4) -> unpatch
        patches(4x5) -> position -> unpatch
        patches(5x4, stride = size(2, 3)) -> shared { conv(3x3, 5) -> batch_norm } -> unpatch
        patches(3x4, stride = size(3, 2)) -> shared { max_pool(3x2) } -> position -> unpatch
        patches(3x6) -> experts(2, cross_connection(hidden = 3)) { conv(3x3, 5) } -> unpatch
        experts(3, cross_connection(hidden = 0)) { conv(3x3, 5) -> batch_norm }
        experts(3, sparse_connection(hidden = 2, keep = 1)) { conv(3x3, 5) -> batch_norm }
        sobel
        pbconv(3x3, 5, kernels = [3x1 at (1, 2), 1x3 at (2, 1), 3x1 at (1, 1), 3x1 at (1, 3)])
        pbconv(3x3, 6, kernels = [2x3 at (1, 1), 1x3 at (3, 1)], stride = size(2, 3), dilation = 2, groups = 2)
        pbconv(5x4, 5, kernels = acb, padding_mode = replicate, eps = 0.1, momentum = 0.3, scale = 0.5)
        pbconv(3x3, 5, kernels = acb, padding_mode = reflect, norm = false)
        pbconv(3x5, 5, kernels = propose(seed = 2), padding_mode = circular, padding = size(1, 2), bias = true)
        pbconv(3x3, 5, kernels = dbb, stride = 2)
        pbconv(3x3, kernels = dbb, groups = channels)
        pbconv(3x3, kernels = dbb, groups = channels, multiplier = 2, norm = false, padding = 2)
        pbconv(3x3, 4, kernels = dbb(mean = false), dilation = 2) -> pbconv(2x3, 5, kernels = propose(seed = 7))
        pbconv(3x3, 5, kernels = pbconv(seed = 3, types = 2, rules = scan), padding = 2)
        pbconv(4x4, 5, kernels = none, norm = false) -> batch_norm
        experts(3, cosine_router(pyramid_pool(1, 2), start = random)) { conv(3x3, 5) -> batch_norm }
    """),
    (V, """
        experts(4, cosine_router(linear(5), start = random, keep = top(2))) { linear(3) }
        experts(4, sparse_connection) { linear(3) }
        experts(4, sparse_connection(hidden = 3, standardized = true)) { linear(3) }
        experts(3, sparse_connection(hidden = 0, keep = 2)) { linear(3) -> relu }
        experts(3, sparse_connection(hidden = 0, keep = 2, capacity = 0.7)) { linear(3) -> relu }
        experts(4, sparse_connection(hidden = 0, keep = 2, shares = divided)) { linear(3) -> relu }
        experts(3, sparse_connection(shares = whole)) { linear(3) -> relu }
        standardize
        linear(4) -> standardize(statistics = batch) -> linear(3)
        linear(5) -> standardize(momentum = 0.3) -> linear(3)
    """),
    (S, """
        rms_norm
        rms_norm(affine = false, eps = 0.1)
        glu
        glu(activation = silu) -> glu(activation = none)
        glu(activation = gelu)
        glu(activation = relu)
        sinusoidal_positions(base = 100)
        position_embedding(most = 7)
        attention(4, kv_heads = 2)
        attention(3, head_features = 2, qkv_bias = false, scale = 1)
        attention(4, kv_heads = 1, causal = true, window = 2, bias = false)
        attention(2, window = 2)
        attention(2, positions = rotary)
        attention(2, positions = rotary(base = 100, features = 2, pairs = halves), causal = true)
        attention(3, head_features = 2, positions = alibi, causal = true)
        attention(2, positions = relative(2))
        attention(2, positions = relative(3), causal = true)
        attention(2, positions = buckets(count = 8, distance = 5))
        attention(2, positions = buckets(count = 4, distance = 4), causal = true, window = 3)
        attention(2, memory = x -> linear(6) -> slice(1))
        gru(3, layers = 2, bidirectional = true, give = states)
        lstm(3, layers = 2, give = states) -> concat
        lstm(3, state = x -> global_avg_pool -> linear(3), cell = x -> global_max_pool -> linear(3), give = last)
        gru(3, layers = 2, state = x -> slice(0, stop = 2) -> linear(3))
    """),
    ("[4, 4, 6]", """
        window_attention(2, 2x3)
        window_attention(1, 2x3, shift = size(1, 2), bias = false, scale = 0.9)
        window_attention(2, 4x3, shift = 1, qkv_bias = false)
        rms_norm
        glu(axis = width)
    """),
) for line in lines.strip().splitlines())


def text(kind: str, stages: str) -> str:
    """The network of one use."""
    return f"archlang 1\nnetwork N {{\n  input x: {kind}\n  y = x -> {stages}\n  output y\n}}\n"
