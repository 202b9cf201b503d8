#include "eval/datasets/layout.h"

namespace relprop::eval {

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = {
      {{"imagenet", "DIR with Data/CLS-LOC/val and Annotations, or with photos and val.txt, or one subfolder a synset"},
       openImagenet},
      {{"imagenet-segmentation", "FILE gtsegs_ijcv.mat"}, openImagenetSegmentation},
      {{"imagenet-s", "DIR with validation and validation-segmentation, one subfolder a synset each"}, openImagenetS},
      {{"voc", "DIR with JPEGImages, Annotations, SegmentationClass, ImageSets"}, openVoc},
      {{"cub", "DIR with images, images.txt, bounding_boxes.txt, image_class_labels.txt, train_test_split.txt"},
       openCub},
      {{"coco", "FILE instances_*.json with images, annotations, categories"}, openCoco},
      {{"boxes", "FILE.csv with the columns picture, class, xmin, ymin, xmax, ymax"}, openBoxes},
      {{"folder", "DIR with pictures, one subfolder a class"}, openFolder},
  };
  return all;
}

}  // namespace relprop::eval
