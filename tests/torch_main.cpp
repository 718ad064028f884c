#include <gtest/gtest.h>

#include "nn/matrix_products.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  reverie::choose_matrix_products();  // as the program does
  return RUN_ALL_TESTS();
}
