"""Bugs in reading and preparing data."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "train/data/splits.py",
        "round(len(rows) * share)",
        "int(len(rows) * share)",
        "the test part of a class is rounded down",
        (
            "train/data/test_data.py::test_the_division_is_stratified_and_complete",
            "train/data/test_data.py::test_the_digits",
        ),
    ),
    Seed(
        "train/data/splits.py",
        "return torch.stack([read[i][0] for i in indices]), torch.stack([read[i][1] for i in indices])",
        "return torch.stack([read[i][0] for i in indices]), torch.stack([read[i][1] for i in read])",
        "joined parts: labels in another order than samples",
        ("train/data/test_data.py::test_parts_joined_keep_samples_beside_their_labels",),
    ),
    Seed(
        "train/data/labels.py",
        "classes = tuple(sorted(set(names)))",
        "classes = tuple(dict.fromkeys(names))",
        "classes are numbered as they come instead of by alphabet",
        ("train/data/test_labels.py::test_arrays_of_labels",),
    ),
    Seed(
        "train/data/matching.py",
        "numbers[labels.clamp_min(0)], labels)",
        "labels, labels)",
        "labels are not renumbered as the model numbers its classes",
        ("train/data/test_parts.py::test_classes_are_matched_by_name",),
    ),
    Seed(
        "train/data/pixels.py",
        "LUMA = (0.299, 0.587, 0.114)",
        "LUMA = (0.114, 0.587, 0.299)",
        "grey images weigh blue as red",
        ("train/data/test_same_pixels.py::test_modes_hold_the_numbers_that_they_say", "train/test_fitting.py"),
    ),
    Seed(
        "train/data/pixels.py",
        "return samples.float() / 65535",
        "return samples.float() / 65536",
        "16-bit images do not reach 1",
        ("train/data/test_user_data.py::test_bytes_are_scaled_and_other_numbers_stay",),
    ),
    Seed(
        "train/data/pixels.py",
        "sideways = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)",
        "sideways = image.getexif().get(ORIENTATION, 1) in (6, 8)",
        "mirrored sideways photographs have their sizes swapped",
        ("train/data/test_same_pixels.py::test_the_size_of_a_folder_is_that_of_its_upright_images",),
    ),
    Seed(
        "train/data/pixels.py",
        "(image.height - rows) // 2, (image.width - columns) // 2",
        "(image.height - rows) // 2, 0",
        "images are cut at their left instead of in the middle",
        ("train/data/test_same_pixels.py::test_the_middle_is_cut_and_scaled_as_torch_scales",),
    ),
    Seed(
        "train/data/formats/stl.py",
        "columns.transpose(0, 1, 3, 2)",
        "columns",
        "STL-10 is not turned from columns to rows",
        ("train/data/test_published.py",),
    ),
    Seed(
        "train/data/formats/cifar.py",
        "reshape(-1, 3, SIDE, SIDE)",
        "reshape(-1, SIDE, SIDE, 3).transpose(0, 3, 1, 2)",
        "CIFAR's planes are read as pixels",
        ("train/data/test_published.py",),
    ),
    Seed(
        "train/data/formats/pickles.py",
        "if count < 0 or end > len(self.program):",
        "if end > len(self.program):",
        "a pickle goes back in its program by a negative length",
        ("train/data/test_hostile.py::test_a_negative_length_goes_nowhere",),
    ),
    Seed(
        "train/data/formats/tar.py",
        "if self.position > self.most:",
        "if False:",
        "an archive unpacks without a bound",
        ("train/data/test_hostile.py::test_an_archive_unpacks_to_a_bound",),
    ),
    Seed(
        "train/data/formats/tar.py",
        "if _number(header[148:156]) != expected:",
        "if False:",
        "checksums of an archive are not looked at",
        ("train/data/test_hostile.py::test_a_header_of_which_one_bit_is_another_is_refused",),
    ),
    Seed(
        "train/data/augmentation/colours.py",
        "torch.stack((cos, -sin, none), 1), torch.stack((sin, cos, none), 1)",
        "torch.stack((cos, sin, none), 1), torch.stack((-sin, cos, none), 1)",
        "images turn clockwise",
        ("train/data/test_rand_augment.py::test_turns_go_counter_clockwise",),
    ),
    Seed(
        "train/data/augmentation/place.py",
        "top, left = torch.randint(0, 2 * pad + 1,",
        "top, left = torch.randint(0, 2 * pad,",
        "random windows never reach the last offset",
        ("train/data/test_augment.py",),
    ),
    Seed(
        "train/fitting.py",
        "torch.var_mean(samples, dim=over, correction=0)",
        "torch.var_mean(samples, dim=over)",
        "the deviation of the data with Bessel's correction",
        ("train/test_fitting.py::test_mean_and_deviation_are_those_of_all_pixels",),
    ),
    Seed(
        "train/fitting.py",
        "return (samples - mean) / std",
        "return samples / std - mean",
        "the mean is taken off after the division",
        ("train/test_fitting.py",),
    ),
)
